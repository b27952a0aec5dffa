//! Results as files: CSV with every value in quotes and null without, read back page by page from where the last one ended.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use datafusion::arrow::record_batch::RecordBatch;

use crate::values::Values;

/// One row; `None` is null.
pub(crate) type Row = Vec<Option<String>>;

/// Writes a result beside its place, and puts it there when it is whole.
pub(crate) struct Writer {
    file: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
    written: u64,
}

impl Writer {
    pub(crate) fn create(temporary: PathBuf, target: PathBuf) -> io::Result<Self> {
        for folder in [temporary.parent(), target.parent()].into_iter().flatten() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { file: BufWriter::new(File::create(&temporary)?), temporary, target, written: 0 })
    }

    /// Writes one row.
    pub(crate) fn row<'v>(&mut self, values: impl Iterator<Item = Option<&'v str>>) -> io::Result<()> {
        let mut line = String::new();
        for (index, value) in values.enumerate() {
            if index > 0 {
                line.push(',');
            }
            if let Some(value) = value {
                line.push('"');
                line.push_str(&value.replace('"', "\"\""));
                line.push('"');
            }
        }
        line.push('\n');
        self.written += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }

    /// Writes the rows of a batch.
    pub(crate) fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().map(Values::of).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| column.get(row)).collect::<Result<Vec<_>>>()?;
            self.row(values.iter().map(Option::as_deref))?;
        }
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Puts the whole result into its place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        std::fs::rename(&self.temporary, &self.target)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.temporary)); // gone already, if the result is in its place
    }
}

/// Up to `most` rows from a byte of the file on, and the byte at which the next row begins, if there is one.
pub(crate) fn page(file: &Path, from: u64, most: usize) -> io::Result<(Vec<Row>, Option<u64>)> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(from))?;
    let (mut reader, mut at) = (BufReader::new(file), from);
    let mut rows = Vec::new();
    while rows.len() < most {
        match row(&mut reader)? {
            None => return Ok((rows, None)),
            Some((row, length)) => {
                at += length;
                rows.push(row);
            }
        }
    }
    let more = !reader.fill_buf()?.is_empty();
    Ok((rows, more.then_some(at)))
}

/// The next row and its length in bytes.
fn row(reader: &mut impl BufRead) -> io::Result<Option<(Row, u64)>> {
    let (mut row, mut length) = (Vec::new(), 0);
    let (mut value, mut in_quotes, mut has_value) = (Vec::new(), false, false);
    let mut bytes = reader.bytes();
    loop {
        let Some(byte) = bytes.next().transpose()? else {
            return if length == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        };
        length += 1;
        match byte {
            // A quote in a value is written twice: it closes and opens again.
            b'"' => {
                if !in_quotes && has_value {
                    value.push(b'"');
                }
                in_quotes = !in_quotes;
                has_value = true;
            }
            b',' | b'\n' if !in_quotes => {
                let text = String::from_utf8(std::mem::take(&mut value)).map_err(io::Error::other)?;
                row.push(has_value.then_some(text));
                has_value = false;
                if byte == b'\n' {
                    return Ok(Some((row, length)));
                }
            }
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_page_by_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let (temporary, target) = (folder.path().join("tmp/x"), folder.path().join("results/x.csv"));
        let rows: Vec<Row> = vec![
            vec![Some("a".to_owned()), Some("b,\"c\"".to_owned())],
            vec![None, Some(String::new())],
            vec![Some("two\nlines".to_owned()), None],
            vec![Some("\"".to_owned()), Some("é".to_owned())],
            vec![None, None],
        ];
        let mut writer = Writer::create(temporary.clone(), target.clone()).expect("a writer");
        for row in &rows {
            writer.row(row.iter().map(Option::as_deref)).expect("written");
        }
        assert!(!target.exists());
        writer.finish().expect("finished");
        assert!(!temporary.exists());
        let text = std::fs::read_to_string(&target).expect("the file");
        assert!(text.starts_with("\"a\",\"b,\"\"c\"\"\"\n,\"\"\n"), "{text}");
        for size in 1..=6 {
            let (mut read, mut from) = (Vec::new(), Some(0));
            while let Some(at) = from {
                let (page, next) = page(&target, at, size).expect("a page");
                assert!(page.len() <= size && !page.is_empty());
                read.extend(page);
                from = next;
            }
            assert_eq!(read, rows, "pages of {size}");
        }
    }
}
