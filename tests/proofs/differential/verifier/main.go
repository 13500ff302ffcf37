// Command proofverifier verifies disclosures and attribute-based signatures with irmago, for the
// tests of the library's own verifier. It reads one question per line of JSON from stdin, and
// writes one answer per line to stdout.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/bwesterb/go-atum"
	"github.com/privacybydesign/irmago/irma"
	"github.com/sirupsen/logrus"
)

// question is one line of input.
type question struct {
	Kind    string          `json:"kind"` // "signature" or "disclosure"
	Proof   json.RawMessage `json:"proof"`
	Request json.RawMessage `json:"request"`
	At      int64           `json:"at"` // Unix time, if the proof has no time stamp
	Repeat  int             `json:"repeat"`
}

// answer is one line of output. Status is the status that irmago reports, or one that we add:
// UNREADABLE if the JSON cannot be read, ERROR if irmago returns an error, PANIC if irmago panics.
type answer struct {
	Status      string                       `json:"status"`
	Disclosed   [][]*irma.DisclosedAttribute `json:"disclosed"`
	Error       string                       `json:"error,omitempty"`
	Nanoseconds int64                        `json:"nanoseconds,omitempty"` // of CPU, if repeated
}

// pinned trusts only the keys that the test names for each time-stamping server.
type pinned map[string][]string // URL -> keys in base64

func (p pinned) GetPublicKey(url string, alg atum.SignatureAlgorithm, pk []byte) *time.Time {
	if alg == atum.Ed25519 && slices.Contains(p[url], base64.StdEncoding.EncodeToString(pk)) {
		expires := time.Now().Add(time.Hour)
		return &expires
	}
	return nil
}
func (pinned) StorePublicKey(string, atum.SignatureAlgorithm, []byte, time.Time) {}
func (pinned) StoreServerInfo(string, atum.ServerInfo)                           {}
func (pinned) GetServerInfo(string) *atum.ServerInfo                             { return nil }

// offline refuses every request, because irmago would ask a server for a key that is not pinned.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrClosedPipe }

func main() {
	schemes := flag.String("schemes", "", "folder of schemes")
	trusted := flag.String("trusted", "{}", "JSON: the keys in base64 of each time-stamping server, by URL")
	flag.Parse()
	if err := run(*schemes, *trusted); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(schemes, trusted string) error {
	keys := pinned{}
	if err := json.Unmarshal([]byte(trusted), &keys); err != nil {
		return err
	}
	atum.SetCache(keys)
	http.DefaultTransport = offline{}
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	irma.SetLogger(logger)

	conf, err := irma.NewConfiguration(schemes, irma.ConfigurationOptions{
		ReadOnly: true, IgnorePrivateKeys: true,
	})
	if err != nil {
		return err
	}
	if err := conf.ParseFolder(); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		if err := out.Encode(reply(conf, q)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func reply(conf *irma.Configuration, q question) answer {
	given := verify(conf, q)
	if q.Repeat > 0 {
		begin := cpuTime()
		for range q.Repeat {
			verify(conf, q)
		}
		given.Nanoseconds = (cpuTime() - begin) / int64(q.Repeat)
	}
	return given
}

// cpuTime returns the CPU time of this process, in nanoseconds. The elapsed time would also depend
// on other programs.
func cpuTime() int64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func verify(conf *irma.Configuration, q question) (given answer) {
	defer func() {
		if caught := recover(); caught != nil {
			given = answer{Status: "PANIC", Error: fmt.Sprint(caught)}
		}
	}()
	var disclosed [][]*irma.DisclosedAttribute
	var status irma.ProofStatus
	var err error
	at := time.Unix(q.At, 0)
	if q.Kind == "signature" {
		signature, request := &irma.SignedMessage{}, (*irma.SignatureRequest)(nil)
		if err := read(q, signature, &request); err != nil {
			return answer{Status: "UNREADABLE", Error: err.Error()}
		}
		if signature.Timestamp != nil || len(signature.Signature) == 0 {
			disclosed, status, err = signature.Verify(conf, request)
		} else {
			disclosed, status, err = verifyUnstamped(conf, signature, request, &at)
		}
	} else {
		disclosure, request := &irma.Disclosure{}, (*irma.DisclosureRequest)(nil)
		if err := read(q, disclosure, &request); err != nil {
			return answer{Status: "UNREADABLE", Error: err.Error()}
		}
		disclosed, status, err = disclosure.VerifyAgainstRequest(
			conf, request, request.GetContext(), request.GetNonce(nil), nil, &at, false)
	}
	if err != nil {
		return answer{Status: "ERROR", Error: err.Error()}
	}
	return answer{Status: string(status), Disclosed: disclosed}
}

// verifyUnstamped does what `SignedMessage.Verify` does, but for a time that the test chooses.
func verifyUnstamped(
	conf *irma.Configuration, sm *irma.SignedMessage, request *irma.SignatureRequest, at *time.Time,
) ([][]*irma.DisclosedAttribute, irma.ProofStatus, error) {
	var r irma.SessionRequest
	if request != nil {
		if !sm.MatchesNonceAndContext(request) {
			return nil, irma.ProofStatusUnmatchedRequest, nil
		}
		r = request
	}
	return sm.Disclosure().VerifyAgainstRequest(
		conf, r, sm.Context, sm.GetNonce(), nil, at, true)
}

func read[T any](q question, proof any, request **T) error {
	if err := json.Unmarshal(q.Proof, proof); err != nil {
		return err
	}
	if len(q.Request) == 0 || string(q.Request) == "null" {
		return nil
	}
	*request = new(T)
	return json.Unmarshal(q.Request, *request)
}
