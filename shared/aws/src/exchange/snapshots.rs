//! Snapshots of a book: chunks first, then the pointer that makes them count. A half-written one is never seen.

use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use domain::{instrument::Symbol, order_book::Snapshot};

use super::{Exchange, rows};
use crate::{
    item::{Item, Read, key, number},
    store::StoreError,
    write::{self, WriteError},
};

/// Most bytes of a chunk.
const CHUNK: usize = 350_000;
/// Sort key of the pointer.
const LATEST: &str = "latest";
/// How often a snapshot is read whose chunks went away because a newer one came.
const READS: u32 = 5;

/// What the pointer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pointer {
    version: u64,
    chunks: u64,
    bytes: u64,
}

impl Exchange {
    /// Keeps the book as it was after this version of its journal. `false` if a newer one (or the same) is kept already.
    pub async fn save_snapshot(&self, symbol: &Symbol, version: u64, snapshot: &Snapshot) -> Result<bool, StoreError> {
        let bytes = rows::bytes(snapshot)?;
        let chunks: Vec<_> = bytes.chunks(CHUNK).collect();
        let pointer = Pointer { version, chunks: chunks.len() as u64, bytes: bytes.len() as u64 };
        if self.pointer(symbol).await?.is_some_and(|latest| latest.version >= version) {
            return Ok(false);
        }
        for (sort, chunk) in pointer.sorts().zip(&chunks) {
            // One at a time: a batch may have 16 MB, and what is sent again is a whole batch.
            let mut item = key(partition(symbol), sort);
            item.insert("data".to_owned(), rows::blob(chunk.to_vec()));
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put = put.map_err(|error| StoreError::Corrupt(error.to_string()))?;
            self.batch_write(vec![WriteRequest::builder().put_request(put).build()]).await?;
        }
        let before = self.point(symbol, &pointer).await?;
        self.forget(symbol, before.as_ref().unwrap_or(&pointer)).await?;
        Ok(before.is_some())
    }

    /// The newest snapshot and the version it was taken after.
    pub async fn load_snapshot(&self, symbol: &Symbol) -> Result<Option<(u64, Snapshot)>, StoreError> {
        for _ in 0..READS {
            let Some(pointer) = self.pointer(symbol).await? else { return Ok(None) };
            let mut bytes = Vec::new();
            for sort in pointer.sorts() {
                match self.get(key(partition(symbol), sort)).await? {
                    Some(item) => bytes.extend_from_slice(rows::blob_of(&item, "data")?),
                    None => break,
                }
            }
            if bytes.len() as u64 == pointer.bytes {
                return Ok(Some((pointer.version, rows::from_bytes(&bytes, "snapshot")?)));
            }
            // Chunks go only after the pointer has moved on.
        }
        Err(StoreError::corrupt("a snapshot without its chunks"))
    }

    async fn pointer(&self, symbol: &Symbol) -> Result<Option<Pointer>, StoreError> {
        let item = self.get(key(partition(symbol), LATEST)).await?;
        item.as_ref().map(pointer).transpose()
    }

    /// Moves the pointer forward and tells where it stood; `None` if it stands as far or farther.
    async fn point(&self, symbol: &Symbol, pointer: &Pointer) -> Result<Option<Pointer>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(partition(symbol), LATEST)))
            .update_expression(
                "SET old_version = if_not_exists(#version, :none), old_chunks = if_not_exists(chunks, :none), \
                 #version = :version, chunks = :chunks, bytes = :bytes",
            )
            .condition_expression("attribute_not_exists(pk) OR #version < :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":version", number(pointer.version))
            .expression_attribute_values(":chunks", number(pointer.chunks))
            .expression_attribute_values(":bytes", number(pointer.bytes));
        match write::update_alone(&self.meter, update).await {
            Ok(row) => Ok(Some(before(&row)?)),
            Err(WriteError::Cancelled(cancelled)) => {
                let row = cancelled.failed(0).flatten().ok_or_else(|| StoreError::corrupt("snapshot pointer"))?;
                // The same book at the same version is the same snapshot, whoever wrote it.
                if self::pointer(row)? == *pointer { Ok(Some(before(row)?)) } else { Ok(None) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the chunks of a snapshot that no pointer shows.
    async fn forget(&self, symbol: &Symbol, old: &Pointer) -> Result<(), StoreError> {
        let delete = |sort| {
            let delete = DeleteRequest::builder().set_key(Some(key(partition(symbol), sort))).build();
            let delete = delete.map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        self.batch_write(old.sorts().map(delete).collect::<Result<_, StoreError>>()?).await
    }
}

impl Pointer {
    /// Sort keys of its chunks.
    fn sorts(&self) -> impl Iterator<Item = String> + use<> {
        let version = rows::version(self.version);
        (0..self.chunks).map(move |chunk| format!("{version}#{chunk:04}"))
    }
}

fn partition(symbol: &Symbol) -> String {
    format!("snapshot#{symbol}")
}

fn pointer(item: &Item) -> Result<Pointer, StoreError> {
    Ok(Pointer { version: item.count("version")?, chunks: item.count("chunks")?, bytes: item.count("bytes")? })
}

/// What the pointer showed before.
fn before(item: &Item) -> Result<Pointer, StoreError> {
    Ok(Pointer { version: item.count("old_version")?, chunks: item.count("old_chunks")?, bytes: 0 })
}
