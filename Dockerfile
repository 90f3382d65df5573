# A static binary on an empty image. Build with `make image`. The builder is one version, not a moving tag; whoever
# releases adds the digest that his registry gives (golang:…@sha256:…).
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
ARG VERSION=dev
ARG REVISION=unknown
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X claimprover/internal/cli.version=${VERSION} -X claimprover/internal/cli.revision=${REVISION}" -o /claimprover .

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="claimprover" \
      org.opencontainers.image.description="Turns signed migration claims into verified SP1 proofs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /claimprover /claimprover
USER 65532:65532
EXPOSE 8080
# Docker's default of SIGTERM starts the drain; give it more than SHUTDOWN_TIMEOUT_SECONDS.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/claimprover", "healthcheck"]
ENTRYPOINT ["/claimprover"]
CMD ["serve"]
