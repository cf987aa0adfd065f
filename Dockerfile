# rbinfmt and QEMU's emulators in an empty image: docs/container.md
#   docker build -t rbinfmt .
#   docker buildx build --platform linux/amd64,linux/arm64 -t rbinfmt .

# Debian with cargo. Without rustup it has to bring the other architecture's standard library itself.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-bookworm

# The classic builder knows no platforms: on another machine than amd64 it needs --build-arg BUILDPLATFORM=linux/arm64.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${BUILD_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock LICENSE-APACHE LICENSE-MIT ./
COPY benches benches
COPY build build
COPY data data
COPY packaging/systemd packaging/systemd
COPY profiles profiles
COPY src src
COPY tests/agreement tests/agreement
COPY tests/campaigns tests/campaigns
COPY tests/faults tests/faults
COPY packaging/order.ld packaging/static.sh packaging/
COPY packaging/image/build.sh packaging/image/
# What the image is called where it is published: the doctor prints it in commands. Empty: IMAGE.
ARG RBINFMT_IMAGE=
# For the machine that builds, on which it fetches the emulators; then for the one that the image is for.
RUN packaging/image/build.sh
ARG TARGETARCH
RUN packaging/image/build.sh "$TARGETARCH"

COPY packaging/image/tree.sh packaging/image/
# What `rbinfmt fetch` is to take: a suite of Debian, a version of QEMU (empty: the suite's), and names, or `all`.
ARG SUITE=trixie
ARG QEMU=
ARG EMULATORS="amd64 386 arm64 arm riscv64 ppc64le ppc64 s390x mips64le mips64 loong64"
# The time of every file in the image.
ARG SOURCE_DATE_EPOCH=0
RUN packaging/image/tree.sh "$TARGETARCH"

FROM scratch
LABEL org.opencontainers.image.title="rbinfmt" \
      org.opencontainers.image.description="Makes programs built for another CPU run on this machine" \
      org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND GPL-2.0-or-later"
COPY --from=build /image/emulators /
COPY --from=build /image/rbinfmt /
ENTRYPOINT ["/usr/bin/rbinfmt"]
