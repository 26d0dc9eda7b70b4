//go:build race

package conns

// raceEnabled makes exhaustive tests shorter.
const raceEnabled = true
