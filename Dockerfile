# Both images can be given by digest: --build-arg BASE=<repository>@sha256:<digest of your choice>. For a reproducible
# build do so; no digest is written here that nobody has looked at.
ARG GO=docker.io/library/golang:1.26
ARG BASE=gcr.io/distroless/static:nonroot

FROM ${GO} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api/ api/
COPY cmd/ cmd/
COPY controllers/ controllers/
COPY manifests/ manifests/
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/manager ./cmd/certgen

# Nothing is configured here: flags and environment come from config/manager.
FROM ${BASE}
COPY --from=build /out/manager /out/certgen /
USER 65532:65532
ENTRYPOINT ["/manager"]
