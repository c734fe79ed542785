// Kubelet-streams serves the part of a kubelet's API by which an API server carries out `kubectl exec`, `logs` and
// `port-forward` for the lab's pods.
//
// Owns HTTP: TLS, the paths, and what is answered before a stream begins. The protocols are Kubernetes' own packages,
// those of the real kubelet. Does not know pods: the lab's runners of pods do, and are asked (runner.go) each time.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// A client that never finishes its request must not hold a connection for ever.
const headerTimeout = 30 * time.Second

type server struct {
	runners runners
}

func main() {
	var known runners
	address := flag.String("address", "", "host:port to serve at")
	certificate := flag.String("certificate", "", "PEM file with the server's certificate")
	key := flag.String("key", "", "PEM file with its key")
	authority := flag.String("authority", "", "PEM file with the authority that clients must have a certificate of")
	flag.Var(&known, "runner", "socket of a runner of pods; may be repeated")
	flag.Parse()
	if err := serve(*address, *certificate, *key, *authority, known); err != nil {
		log.Fatalf("error: %v", err)
	}
}

func serve(address, certificate, key, authority string, known runners) error {
	pem, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", authority)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	serving := &http.Server{
		Handler:           (&server{runners: known}).handler(),
		ReadHeaderTimeout: headerTimeout,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs:  clients,
		},
	}
	return serving.ServeTLS(listener, certificate, key)
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.serveLogs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", s.serveExec)
	mux.HandleFunc("/portForward/{namespace}/{pod}", s.servePortForward)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("the lab's kubelet does not serve %s", r.URL.Path))
	})
	return mux
}

// refuse answers with a sentence and, unlike http.Error, no line's end: it is quoted within another.
func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, sentence)
}
