// Command headlesswallet is what the tests need beside the official server: an app without a
// screen, a time-stamp server, a guard for child processes, and a key for result JWTs.
//
// Its module path lies below irmago's, because irmago's client wants types of internal packages.
package main

import (
	"fmt"
	"os"
)

const usage = `usage:
  headlesswallet wallet --dir DIR --schemes DIR   commands on stdin, events on stdout, JSON lines
  headlesswallet timestamp --port PORT            time-stamp server on loopback, till stdin ends
  headlesswallet guard COMMAND [ARGUMENT...]      run a command, till stdin ends
  headlesswallet jwtkey DIR                       write private.pem and public.pem (RSA 2048)
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	commands := map[string]func([]string) error{
		"wallet":    runWallet,
		"timestamp": runTimestamp,
		"guard":     runGuard,
		"jwtkey":    makeJwtKey,
	}
	command, known := commands[os.Args[1]]
	if !known {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := command(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
