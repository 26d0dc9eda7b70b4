package admin

import (
	"embed"
	"io/fs"
	"net/http"
	"unicode/utf8"
)

//go:embed page
var files embed.FS

// policy lets the page load from here alone, and nobody frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page serves the live page.
func page() http.Handler {
	sub, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the name is a constant
	}
	pages := http.FileServerFS(sub)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Of a name that no file can have, fs.Sub says "invalid", which would be a 500.
		if !utf8.ValidString(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}
