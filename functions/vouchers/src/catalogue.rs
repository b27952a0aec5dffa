//! GET and POST /voucher-products, PATCH /voucher-products/{id}.

use aws::{
    store::StoreError,
    vouchers::{Saved, Vouchers},
};
use domain::voucher::{Product, ProductId, ProductStatus};
use edge::http::{Answer, Code, Page, Problem, Request, created, ok};

use crate::{
    answers::failed,
    product::{NewProduct, ProductChange},
    view::{KeptProductView, ProductView},
};

/// How often a change is decided again when the product moves meanwhile.
const DECISIONS: usize = 8;

/// What is for sale, by network and price.
pub(crate) async fn list(vouchers: &Vouchers, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&["network"])?;
    let network = request.query("network");
    let mut products = vouchers.products().await.map_err(failed)?;
    products.retain(|product| {
        product.status == ProductStatus::Active && network.is_none_or(|network| product.network == network)
    });
    products.sort_by(|a, b| place(a).cmp(&place(b)));
    let items: Vec<ProductView<'_>> = products.iter().map(ProductView::from).collect();
    // A purchase looks at the product itself: a page that is a minute old misleads nobody for long.
    Ok(ok(&Page::new(items, None, "voucher-products"))?.header("Cache-Control", "public, max-age=60"))
}

fn place(product: &Product) -> impl Ord + '_ {
    (&product.network, product.price.amount(), product.price.currency().code(), &product.id)
}

pub(crate) async fn add(vouchers: &Vouchers, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let product = request.parse::<NewProduct>()?.understand()?;
    if vouchers.create_product(&product).await.map_err(failed)? != Saved::Done {
        return Err(Problem::new(Code::ProductTaken, "There is a product of this id."));
    }
    tracing::info!(product = %product.id, by = caller.subject(), "product added");
    Ok(created(&KeptProductView::from(&product))?.etag(product.version))
}

pub(crate) async fn change(vouchers: &Vouchers, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let change = request.parse::<ProductChange>()?.understand()?;
    let id = request.path_id("id", ProductId::parse)?;
    let expected = request.if_match()?;
    let mut product = vouchers.product(&id).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    for _ in 0..DECISIONS {
        if expected.is_some_and(|expected| expected != product.version) {
            return Err(Problem::new(Code::VersionMismatch, "The product has changed since it was read."));
        }
        let changed = change.on(&product);
        match vouchers.change_product(&changed).await.map_err(failed)? {
            Saved::Done => {
                tracing::info!(product = %id, version = changed.version, by = caller.subject(), "product changed");
                return Ok(ok(&KeptProductView::from(&changed))?.etag(changed.version));
            }
            Saved::Stale(now) => product = *now,
        }
    }
    Err(failed(StoreError::Conflict))
}
