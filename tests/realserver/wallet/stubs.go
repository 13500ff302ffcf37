package main

import (
	"errors"

	"github.com/privacybydesign/irmago/irma"
)

// noNews ignores what the app would tell its user outside sessions.
type noNews struct{}

func (noNews) EnrollmentFailure(irma.SchemeManagerIdentifier, error) {}
func (noNews) EnrollmentSuccess(irma.SchemeManagerIdentifier)        {}
func (noNews) ChangePinFailure(irma.SchemeManagerIdentifier, error)  {}
func (noNews) ChangePinSuccess()                                     {}
func (noNews) ChangePinIncorrect(irma.SchemeManagerIdentifier, int)  {}
func (noNews) ChangePinBlocked(irma.SchemeManagerIdentifier, int)    {}
func (noNews) UpdateConfiguration(*irma.IrmaIdentifierSet)           {}
func (noNews) UpdateAttributes()                                     {}
func (noNews) Revoked(*irma.CredentialIdentifier)                    {}
func (noNews) ReportError(error)                                     {}

// noSigner stands for the phone's secure element, which only keyshare needs.
type noSigner struct{}

var errNoKeyshare = errors.New("this wallet has no keyshare server")

func (noSigner) PublicKey(string) ([]byte, error)    { return nil, errNoKeyshare }
func (noSigner) Sign(string, []byte) ([]byte, error) { return nil, errNoKeyshare }
