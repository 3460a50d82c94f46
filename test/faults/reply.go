package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var errReset = errors.New("connection reset by peer")

// reply is what an API server says that does not do what it was asked for.
func reply(request *http.Request, code int, reason string, retryAfter int) *http.Response {
	return replySaying(request, code, reason, "an injected fault: "+reason, retryAfter)
}

// replySaying is a reply with a message.
func replySaying(request *http.Request, code int, reason, message string, retryAfter int) *http.Response {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: metav1.StatusReason(reason), Message: message, //nolint:gosec // a status code
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(retryAfter))
		status.Details = &metav1.StatusDetails{RetryAfterSeconds: int32(retryAfter)} //nolint:gosec // a few seconds
	}
	return answer(request, code, header, status)
}

// answer is a reply with an object.
func answer(request *http.Request, code int, header http.Header, object any) *http.Response {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // what was unmarshalled can be marshalled
	}
	return &http.Response{
		Status: strconv.Itoa(code) + " " + http.StatusText(code), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)), Request: request,
	}
}
