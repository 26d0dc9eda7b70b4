package servers

import (
	"crypto/tls"
	"net"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A field that a newer Go adds to http.Server must not be lost in the copy.
func TestEveryFieldOfTheUsersServerIsCopied(t *testing.T) {
	srv := &http.Server{TLSConfig: &tls.Config{}, ConnState: func(net.Conn, http.ConnState) {}}
	v := reflect.ValueOf(srv).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if !v.Type().Field(i).IsExported() || !f.IsZero() {
			continue
		}
		switch f.Kind() {
		case reflect.String:
			f.SetString("set")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(time.Minute))
		case reflect.Func:
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value { return nil }))
		case reflect.Map:
			f.Set(reflect.MakeMap(f.Type()))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Interface:
			f.Set(reflect.ValueOf(http.NotFoundHandler()))
		}
	}
	copied := reflect.ValueOf(copyOf(srv)).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			assert.False(t, copied.Field(i).IsZero(), v.Type().Field(i).Name)
		}
	}
}
