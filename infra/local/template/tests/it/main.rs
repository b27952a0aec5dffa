//! The template language by tables, and the repository's own template.

mod repository;
