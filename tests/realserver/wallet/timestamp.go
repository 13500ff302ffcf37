package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/bwesterb/go-atum"
	"github.com/bwesterb/go-atum/stamper"
)

// runTimestamp is an Atum server with one fresh key. It prints its port; 0 means any free one.
func runTimestamp(args []string) error {
	flags := flag.NewFlagSet("timestamp", flag.ExitOnError)
	port := flags.Int("port", 0, "port on 127.0.0.1, 0 for any")
	_ = flags.Parse(args)

	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		var asked atum.Request
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		now := time.Now().Unix()
		if asked.Time != nil {
			now = *asked.Time
		}
		stamp := stamper.CreateEd25519Timestamp(private, public, now, asked.Nonce)
		_ = json.NewEncoder(w).Encode(atum.Response{Stamp: &stamp})
	})
	mux.HandleFunc("GET /checkPublicKey", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(atum.PublicKeyCheckResponse{
			Trusted: r.URL.Query().Get("pk") == hex.EncodeToString(public),
			Expires: time.Now().Add(time.Hour),
		})
	})
	fmt.Printf("{\"port\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	failed := make(chan error, 1)
	go func() { failed <- http.Serve(listener, mux) }()
	select {
	case err := <-failed:
		return err
	case <-endOfInput():
		return nil
	}
}

// noAtumCache keeps the wallet out of the home directory.
type noAtumCache struct{}

func (noAtumCache) StorePublicKey(string, atum.SignatureAlgorithm, []byte, time.Time) {}
func (noAtumCache) GetPublicKey(string, atum.SignatureAlgorithm, []byte) *time.Time   { return nil }
func (noAtumCache) StoreServerInfo(string, atum.ServerInfo)                           {}
func (noAtumCache) GetServerInfo(string) *atum.ServerInfo                             { return nil }
