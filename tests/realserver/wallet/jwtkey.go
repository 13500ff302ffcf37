package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
)

// makeJwtKey writes the key pair with which a server signs results.
func makeJwtKey(args []string) error {
	if len(args) != 1 {
		return errors.New("jwtkey: one directory, please")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	private := x509.MarshalPKCS1PrivateKey(key)
	return errors.Join(
		writePem(args[0], "private.pem", "RSA PRIVATE KEY", private),
		writePem(args[0], "public.pem", "PUBLIC KEY", public),
	)
}

func writePem(dir, name, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return os.WriteFile(filepath.Join(dir, name), text, 0o600)
}
