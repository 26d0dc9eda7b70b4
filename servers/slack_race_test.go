//go:build race

package servers_test

// slack is what the race detector may make a bound longer.
const slack = 3
