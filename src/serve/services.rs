//! The gRPC services of one port, and reflection of them.

use axum::Router;
use tonic_reflection::server::Builder;

use super::ads::Ads;
use super::certificates::Certificates;
use crate::proto::{CERTIFICATES, FILE_DESCRIPTOR_SET};

/// ADS, the certificate service where it belongs, and gRPC reflection.
pub fn router(ads: &Ads, certificates: Option<&Certificates>) -> Router {
    let reflection = || {
        let described =
            Builder::configure().register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET);
        match certificates {
            Some(_) => described.register_encoded_file_descriptor_set(CERTIFICATES),
            None => described,
        }
    };
    let mut services = tonic::service::Routes::default();
    match (reflection().build_v1(), reflection().build_v1alpha()) {
        (Ok(v1), Ok(v1alpha)) => services = services.add_service(v1).add_service(v1alpha),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(target: "ads", %error, "no gRPC reflection: the descriptors are broken");
        }
    }
    let router = services.into_axum_router().merge(ads.router());
    match certificates {
        Some(certificates) => router.merge(certificates.router()),
        None => router,
    }
}
