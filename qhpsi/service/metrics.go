package service

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// Metrics is the door of Prometheus: it answers any path with what write gives,
// in its text format, version 0.0.4.
func Metrics(write func(io.Writer)) func(context.Context, net.Listener) error {
	return func(ctx context.Context, l net.Listener) error {
		server := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain; version=0.0.4")
				write(w)
			}),
			ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
		}
		defer context.AfterFunc(ctx, func() { server.Close() })()
		return server.Serve(l)
	}
}
