# Both images can be given by digest: docs/supply-chain.md. No digest is written here that nobody has looked at. GO needs
# bash and make.
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
COPY Makefile ./
RUN make binaries OUT=/out

# Nothing is configured here: flags and environment come from config/manager.
FROM ${BASE}
COPY --from=build /out/manager /out/certgen /
USER 65532:65532
ENTRYPOINT ["/manager"]
