//! The rules of the book as tables.
