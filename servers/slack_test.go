//go:build !race

package servers_test

const slack = 1
