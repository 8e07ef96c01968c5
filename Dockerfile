# The image of the control plane: one static binary under both of its names, without a shell or a libc.
#
#   docker build --build-arg REVISION=$(git rev-parse HEAD) -t istiod .

FROM rust:1.95-alpine AS builder
RUN apk add --no-cache build-base ca-certificates
WORKDIR /src
COPY . .
ARG REVISION=unknown
ENV ISTIOD_GIT_REVISION=$REVISION ISTIOD_BUILD_STATUS=Clean
# rust-toolchain.toml asks for components that a build does not need: the image's own compiler is used.
RUN rm rust-toolchain.toml \
    && cargo build --release --locked \
    && install -D -m 0755 target/release/istiod /out/usr/local/bin/istiod \
    && ln -s istiod /out/usr/local/bin/pilot-discovery \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt

FROM scratch
COPY --from=builder /out/ /
# The user id of Istio's own image, which charts and pod security settings expect.
USER 1337:1337
# HTTP, plaintext xDS, xDS over TLS, metrics, webhooks.
EXPOSE 8080 15010 15012 15014 15017
ENTRYPOINT ["/usr/local/bin/pilot-discovery"]
