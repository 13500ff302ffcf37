package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bwesterb/go-atum"
	"github.com/privacybydesign/irmago/client/clientsettings"
	"github.com/privacybydesign/irmago/eudi/credentials/sdjwtvc"
	"github.com/privacybydesign/irmago/eudi/sdjwt"
	"github.com/privacybydesign/irmago/internal/clientstorage"
	"github.com/privacybydesign/irmago/internal/crypto/encryption"
	"github.com/privacybydesign/irmago/irma"
	"github.com/privacybydesign/irmago/irma/irmaclient"
)

// wallet is irmago's client with JSON lines instead of a screen.
//
// The client keeps its sessions and credentials in maps without a lock. So sessions take turns:
// one that waits for its user or for pairing lets the next one step.
type wallet struct {
	client   *irmaclient.IrmaClient
	turn     chan struct{}
	sessions sync.Map // id -> *session, those not ended

	outMutex sync.Mutex
	out      *json.Encoder
}

// event is one line on stdout. "session" names the session or the command that it belongs to.
type event map[string]any

// command is one line on stdin.
type command struct {
	Command string          `json:"command"`
	ID      string          `json:"id"`
	Pointer json.RawMessage `json:"pointer"` // session
	Answers []answer        `json:"answers"` // session: one a request of a chain; answer: one
}

func runWallet(args []string) error {
	flags := flag.NewFlagSet("wallet", flag.ExitOnError)
	dir := flags.String("dir", "", "the wallet's own directory")
	schemes := flags.String("schemes", "", "directory with the schemes")
	_ = flags.Parse(args)

	w := &wallet{turn: make(chan struct{}, 1), out: json.NewEncoder(os.Stdout)}
	os.Stdout = os.Stderr // irmago prints panics
	if err := w.open(*dir, *schemes); err != nil {
		return err
	}
	w.emit("", event{"event": "ready"})

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("not a command: %w", err)
		}
		if c.Command == "session" { // in this goroutine: what follows may name it
			go w.newSession(c).run(string(c.Pointer))
		} else {
			go w.obey(c)
		}
	}
	return lines.Err()
}

func (w *wallet) open(dir, schemes string) error {
	atum.SetCache(noAtumCache{})
	conf, err := irma.NewConfiguration(
		filepath.Join(dir, "irma_configuration"),
		irma.ConfigurationOptions{Assets: schemes, IgnorePrivateKeys: true},
	)
	if err != nil {
		return err
	}
	key := [32]byte{} // nobody's secrets
	store := clientstorage.NewStorage(dir, encryption.NewAESEncryptionMiddleware(key))
	if err := store.Open(); err != nil {
		return err
	}
	w.client, err = irmaclient.NewIrmaClient(
		conf, noNews{}, noSigner{}, irmaclient.NewIrmaStorage(store, conf),
		sdjwtvc.SdJwtVcVerificationContext{}, irmaclient.NewBboltSdJwtVcStorage(store),
		sdjwt.NewDefaultKeyBinder(irmaclient.NewBboltKeyBindingStorage(store)),
	)
	if err != nil {
		return err
	}
	conf.Scheduler.Stop()                                                    // its revocation job walks the maps, too, whenever it likes
	w.client.SetPreferences(clientsettings.Preferences{DeveloperMode: true}) // allows plain HTTP
	return nil
}

func (w *wallet) obey(c command) {
	switch c.Command {
	case "answer", "dismiss":
		if s, found := w.sessions.Load(c.ID); !found {
			w.emit(c.ID, event{"event": "error", "info": "no such session"})
		} else if c.Command == "answer" {
			s.(*session).held <- c.Answers[0]
		} else {
			s.(*session).dismiss()
		}
	case "credentials":
		w.take()
		defer w.release()
		w.emit(c.ID, event{"event": "credentials", "credentials": w.credentials()})
	case "delete_all":
		w.take()
		defer w.release()
		for _, held := range w.client.CredentialInfoList() {
			if err := w.client.RemoveCredentialByHash(held.Hash); err != nil {
				w.emit(c.ID, event{"event": "error", "info": err.Error()})
				return
			}
		}
		w.emit(c.ID, event{"event": "deleted"})
	default:
		w.emit(c.ID, event{"event": "error", "info": "unknown command " + c.Command})
	}
}

func (w *wallet) credentials() []event {
	held := []event{}
	for _, info := range w.client.CredentialInfoList() {
		attributes := map[string]string{}
		for id, value := range info.Attributes {
			attributes[id.Name()] = value[""]
		}
		held = append(held, event{
			"credential": info.Identifier().String(),
			"attributes": attributes,
			"hash":       info.Hash,
			"issued":     time.Time(info.SignedOn).Unix(),
			"expires":    time.Time(info.Expires).Unix(),
		})
	}
	return held
}

func (w *wallet) emit(id string, e event) {
	if id != "" {
		e["id"] = id
	}
	w.outMutex.Lock()
	defer w.outMutex.Unlock()
	_ = w.out.Encode(e)
}

func (w *wallet) take()    { w.turn <- struct{}{} }
func (w *wallet) release() { <-w.turn }
