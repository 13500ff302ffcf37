package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/privacybydesign/irmago/irma"
	"github.com/privacybydesign/irmago/irma/irmaclient"
)

// session is the handler of one session and of those chained to it.
type session struct {
	wallet  *wallet
	id      string
	answers []answer
	held    chan answer // answers to a held request
	outcome chan event  // the final event, once

	started   chan struct{} // closed when dismisser is there
	dismisser irmaclient.SessionDismisser

	mutex    sync.Mutex
	stepping bool // has the wallet's turn
	ended    bool
	pending  *question // asked and not yet answered
}

type question struct {
	offered  candidates
	callback irmaclient.PermissionHandler
}

// candidates has a list of options for each outer disjunction.
type candidates = [][]irmaclient.DisclosureCandidates

func (w *wallet) newSession(c command) *session {
	s := &session{
		wallet: w, id: c.ID, answers: c.Answers,
		held: make(chan answer, 1), outcome: make(chan event, 1), started: make(chan struct{}),
	}
	w.sessions.Store(c.ID, s)
	return s
}

func (s *session) run(pointer string) {
	defer s.wallet.sessions.Delete(s.id)
	s.step()
	s.dismisser = s.wallet.client.NewSession(pointer, s)
	close(s.started)
	outcome := <-s.outcome
	if outcome["event"] != "disappeared" {
		waitForServer(lastServerURL(s.dismisser))
	}
	s.rest()
	s.wallet.emit(s.id, outcome)
}

// step waits for this session's turn, false if there is nothing left to do. rest lets others
// have theirs.
func (s *session) step() bool {
	s.wallet.take()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ended {
		s.wallet.release()
		return false
	}
	s.stepping = true
	return true
}

func (s *session) rest() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.stepping {
		s.stepping = false
		s.wallet.release()
	}
}

func (s *session) dismiss() {
	<-s.started
	if s.step() {
		s.dismisser.Dismiss()
	}
}

// ask is called once a request, and again, with other candidates, when another session has
// meanwhile put a credential into the wallet.
func (s *session) ask(
	e event, satisfiable bool, offered candidates,
	requestor *irma.RequestorInfo, callback irmaclient.PermissionHandler,
) {
	s.mutex.Lock()
	again := s.pending != nil
	s.pending = &question{offered, callback}
	s.mutex.Unlock()
	if again {
		return
	}
	e["event"] = "request"
	e["satisfiable"] = satisfiable
	e["candidates"] = describe(offered)
	e["requestor"] = event{"name": requestor.Name, "unverified": requestor.Unverified}
	s.wallet.emit(s.id, e)
	s.rest()

	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	go s.reply(a)
}

func (s *session) reply(a answer) {
	if a.Policy == "hold" {
		a = <-s.held
	}
	if a.Policy == "disappear" {
		s.end(event{"event": "disappeared"})
		return
	}
	time.Sleep(time.Duration(a.DelayMs) * time.Millisecond)

	if !s.step() {
		return
	}
	s.mutex.Lock()
	asked := s.pending
	s.pending = nil
	s.mutex.Unlock()
	if a.Policy != "accept" {
		asked.callback(false, nil)
		return
	}
	choice, err := s.wallet.choose(a, asked.offered)
	if err != nil {
		s.wallet.emit(s.id, event{"event": "error", "info": err.Error()})
	}
	asked.callback(choice != nil, choice)
}

func describe(offered candidates) [][][]event {
	described := [][][]event{}
	for _, options := range offered {
		described = append(described, [][]event{})
		outer := &described[len(described)-1]
		for _, option := range options {
			attributes := []event{}
			for _, attribute := range option {
				attributes = append(attributes, event{
					"attribute": attribute.Type.String(),
					"present":   attribute.Present(),
					"expired":   attribute.Expired,
				})
			}
			*outer = append(*outer, attributes)
		}
	}
	return described
}

func (s *session) end(outcome event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.ended {
		s.ended = true
		s.outcome <- outcome
	}
}

// waitForServer returns when the server knows that the session is over: irmago sends its
// DELETE in the background.
func waitForServer(url string) {
	client := http.Client{Timeout: time.Second}
	for end := time.Now().Add(2 * time.Second); url != "" && time.Now().Before(end); {
		response, err := client.Get(url + "status")
		if err != nil {
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		switch strings.TrimSpace(string(body)) {
		case `"INITIALIZED"`, `"PAIRING"`, `"CONNECTED"`:
			time.Sleep(2 * time.Millisecond)
		default:
			return
		}
	}
}

// lastServerURL finds the URL of the last session of a chain; irmago does not tell it.
func lastServerURL(dismisser irmaclient.SessionDismisser) string {
	url := ""
	at := reflect.ValueOf(dismisser)
	for at.IsValid() && !at.IsNil() {
		url = at.Elem().FieldByName("ServerURL").String()
		at = at.Elem().FieldByName("next")
	}
	return url
}

// What follows is irmaclient.Handler.

func (s *session) StatusUpdate(irma.Action, irma.ClientStatus) {}

func (s *session) ClientReturnURLSet(url string) {
	s.wallet.emit(s.id, event{"event": "return_url", "url": url})
}

// PairingRequired shows the code a moment later: irmago subscribes to the status after this call,
// and if the frontend is done before that, it is never told and waits for good.
func (s *session) PairingRequired(code string) {
	s.rest()
	time.AfterFunc(100*time.Millisecond, func() {
		s.wallet.emit(s.id, event{"event": "pairing", "code": code})
	})
}

func (s *session) RequestVerificationPermission(
	request *irma.DisclosureRequest, satisfiable bool, offered candidates,
	requestor *irma.RequestorInfo, callback irmaclient.PermissionHandler,
) {
	e := event{
		"type": "disclosing", "disclose": request.Disclose, "labels": request.Labels,
	}
	s.ask(e, satisfiable, offered, requestor, callback)
}

func (s *session) RequestSignaturePermission(
	request *irma.SignatureRequest, satisfiable bool, offered candidates,
	requestor *irma.RequestorInfo, callback irmaclient.PermissionHandler,
) {
	e := event{
		"type": "signing", "disclose": request.Disclose, "labels": request.Labels,
		"message": request.Message,
	}
	s.ask(e, satisfiable, offered, requestor, callback)
}

func (s *session) RequestIssuancePermission(
	request *irma.IssuanceRequest, satisfiable bool, offered candidates,
	requestor *irma.RequestorInfo, callback irmaclient.PermissionHandler,
) {
	e := event{
		"type": "issuing", "disclose": request.Disclose, "labels": request.Labels,
		"credentials": request.Credentials,
	}
	s.ask(e, satisfiable, offered, requestor, callback)
}

func (s *session) RequestPin(_ int, callback irmaclient.PinHandler) { callback(false, "") }

func (s *session) Success(result string) {
	outcome := event{"event": "success"}
	if json.Valid([]byte(result)) {
		outcome["result"] = json.RawMessage(result)
	}
	s.end(outcome)
}

func (s *session) Cancelled() { s.end(event{"event": "cancelled"}) }

func (s *session) Failure(err *irma.SessionError) {
	s.end(event{
		"event": "failure", "error": err.ErrorType, "info": err.Info,
		"description": err.WrappedError(),
		"remote":      err.RemoteError, "remote_status": err.RemoteStatus,
	})
}

func (s *session) KeyshareBlocked(id irma.SchemeManagerIdentifier, seconds int) {
	s.end(event{"event": "failure", "error": "keyshareBlocked", "info": fmt.Sprint(id, seconds)})
}

func (s *session) KeyshareEnrollmentMissing(id irma.SchemeManagerIdentifier) {
	s.end(event{"event": "failure", "error": "keyshareUnenrolled", "info": id.String()})
}
