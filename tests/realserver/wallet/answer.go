package main

import (
	"fmt"
	"strings"

	"github.com/privacybydesign/irmago/irma"
	"github.com/privacybydesign/irmago/irma/irmaclient"
)

// answer is what the user does when asked.
type answer struct {
	Policy  string      `json:"policy"`   // accept, refuse, hold (till "answer" comes), disappear
	DelayMs int         `json:"delay_ms"` // before accepting or refusing
	Options map[int]int `json:"options"`  // outer index -> index in the request event's candidates
	Send    *[][]string `json:"send"`     // these attributes instead, whatever was asked
}

// choose gives the attributes to send, or nil where the wallet has nothing that fits: the app
// lets its user only refuse then.
//
// For each outer disjunction it takes the option that was asked for, else the first one that
// can be had, else the first expired one.
func (w *wallet) choose(a answer, offered candidates) (*irma.DisclosureChoice, error) {
	if a.Send != nil {
		return w.chooseFreely(*a.Send)
	}
	choice := &irma.DisclosureChoice{Attributes: [][]*irma.AttributeIdentifier{}}
	for outer, options := range offered {
		index, wanted := a.Options[outer]
		if !wanted {
			index = firstAvailable(options)
		}
		if index < 0 {
			return nil, nil
		}
		if index >= len(options) {
			return nil, fmt.Errorf("disjunction %d has no option %d", outer, index)
		}
		attributes, err := options[index].Choose()
		if err != nil {
			return nil, fmt.Errorf("disjunction %d, option %d: %w", outer, index, err)
		}
		choice.Attributes = append(choice.Attributes, attributes)
	}
	return choice, nil
}

func firstAvailable(options []irmaclient.DisclosureCandidates) int {
	for _, expiredToo := range []bool{false, true} {
		for index, option := range options {
			if _, err := option.Choose(); err == nil && (expiredToo || !anyExpired(option)) {
				return index
			}
		}
	}
	return -1
}

func anyExpired(option irmaclient.DisclosureCandidates) bool {
	for _, attribute := range option {
		if attribute.Expired {
			return true
		}
	}
	return false
}

// chooseFreely finds a credential for each attribute (or credential type) named.
func (w *wallet) chooseFreely(lists [][]string) (*irma.DisclosureChoice, error) {
	choice := &irma.DisclosureChoice{Attributes: [][]*irma.AttributeIdentifier{}}
	for _, list := range lists {
		attributes := []*irma.AttributeIdentifier{}
		for _, name := range list {
			found := w.holderOf(name)
			if found == "" {
				return nil, fmt.Errorf("no credential here has %s", name)
			}
			attributes = append(attributes, &irma.AttributeIdentifier{
				Type:           irma.NewAttributeTypeIdentifier(name),
				CredentialHash: found,
			})
		}
		choice.Attributes = append(choice.Attributes, attributes)
	}
	return choice, nil
}

func (w *wallet) holderOf(name string) string {
	for _, held := range w.client.CredentialInfoList() {
		if strings.HasPrefix(name+".", held.Identifier().String()+".") {
			return held.Hash
		}
	}
	return ""
}
