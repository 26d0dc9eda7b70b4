package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
)

// Spec says which server to make: the part that a configuration file can say, and
// the handler, which only code can give. Whoever decodes it has the decoder refuse
// unknown fields (json.Decoder.DisallowUnknownFields): a misspelt one is silently
// ignored otherwise.
type Spec struct {
	// Adapter is a name given to Register: "http", "https", "tcp", or yours.
	Adapter string `json:"adapter"`
	// Name in the Report, metrics and log. Default: the adapter's.
	Name string `json:"name,omitempty"`
	// Addr to listen on, as the adapter understands it: "host:port" for ours.
	Addr string `json:"addr,omitempty"`
	// CertFile and KeyFile switch TLS on.
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
	// MaxConns: see HTTPOptions. The others are conns.Settings, where each is explained.
	// Durations are written as in "1.5s".
	MaxConns     int      `json:"max_conns,omitempty"`
	IdleGrace    Duration `json:"idle_grace,omitempty"`
	CloseTimeout Duration `json:"close_timeout,omitempty"`
	Linger       Duration `json:"linger,omitempty"`
	NoFarewell   bool     `json:"no_farewell,omitempty"`
	CloseCode    int      `json:"close_code,omitempty"`
	CloseReason  string   `json:"close_reason,omitempty"`
	Spread       Spread   `json:"spread,omitzero"`
	// Options are the adapter's own; see DecodeOptions.
	Options json.RawMessage `json:"options,omitempty"`
	// Handler is what the server serves with: an http.Handler for "http" and
	// "https", a TCPHandler for "tcp", what your adapter wants for yours.
	Handler any `json:"-"`
}

// Spread is conns.Spread, as a configuration file says it.
type Spread struct {
	Batch    int      `json:"batch"`
	Interval Duration `json:"interval,omitempty"`
	Jitter   float64  `json:"jitter,omitempty"`
}

// Duration is a time.Duration that is written as in "1.5s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Settings are the connection settings of the Spec.
func (s Spec) Settings() conns.Settings {
	return conns.Settings{
		IdleGrace:    time.Duration(s.IdleGrace),
		CloseTimeout: time.Duration(s.CloseTimeout),
		Linger:       time.Duration(s.Linger),
		NoFarewell:   s.NoFarewell,
		CloseCode:    s.CloseCode,
		CloseReason:  s.CloseReason,
		Spread: conns.Spread{
			Batch: s.Spread.Batch, Interval: time.Duration(s.Spread.Interval), Jitter: s.Spread.Jitter,
		},
	}
}

// DecodeOptions reads Options into the struct that to points to. What the struct
// does not know is an error: a misspelt option must not be silently ignored.
func (s Spec) DecodeOptions(to any) error {
	if len(s.Options) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(s.Options))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("bad options: %w", err)
	}
	return nil
}

// Factory makes a server of a Spec.
type Factory func(Spec) (actors.Server, error)

// factories is replaced as a whole, never changed.
var factories atomic.Pointer[map[string]Factory]

func init() {
	factories.Store(&map[string]Factory{"http": makeHTTP, "https": makeHTTP, "tcp": makeTCP})
}

// Errors of Register and New.
var (
	ErrAdapterExists  = errors.New("an adapter of that name is registered already")
	ErrUnknownAdapter = errors.New("no adapter of that name is registered")
)

// Register names an adapter, so that a configuration can ask for it. An empty
// name, a nil factory, or a name that is taken (ErrAdapterExists) is an error.
func Register(name string, factory Factory) error {
	if name == "" || factory == nil {
		return fmt.Errorf("drain: servers.Register(%q): it needs a name and a factory", name)
	}
	for {
		old := factories.Load()
		if _, taken := (*old)[name]; taken {
			return fmt.Errorf("drain: servers.Register(%q): %w; there are: %s", name, ErrAdapterExists, list(*old))
		}
		next := maps.Clone(*old)
		next[name] = factory
		if factories.CompareAndSwap(old, &next) {
			return nil
		}
	}
}

// Adapters are the names that are registered, in order.
func Adapters() []string { return slices.Sorted(maps.Keys(*factories.Load())) }

func list(m map[string]Factory) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

// New makes the server that spec describes. A name that nobody registered is an
// ErrUnknownAdapter. What can only be seen when it is started, such as a port in use,
// is an error of the start.
func New(spec Spec) (actors.Server, error) {
	all := *factories.Load()
	factory, ok := all[spec.Adapter]
	if !ok {
		return nil, fmt.Errorf("drain: servers.New(%q): %w; there are: %s", spec.Adapter, ErrUnknownAdapter, list(all))
	}
	server, err := factory(spec)
	if err != nil {
		return nil, fmt.Errorf("drain: servers.New(%q): %w", spec.Adapter, err)
	}
	if server == nil {
		return nil, fmt.Errorf("drain: servers.New(%q): its factory returned neither a server nor an error", spec.Adapter)
	}
	return server, nil
}

func makeHTTP(spec Spec) (actors.Server, error) {
	h, ok := spec.Handler.(http.Handler)
	if !ok && spec.Handler != nil {
		return nil, fmt.Errorf("its Handler is a %T: it must be an http.Handler", spec.Handler)
	}
	if spec.Adapter == "https" && (spec.CertFile == "" || spec.KeyFile == "") {
		return nil, errors.New("it needs cert_file and key_file")
	}
	var own struct {
		ReadHeaderTimeout Duration `json:"read_header_timeout"`
		IdleTimeout       Duration `json:"idle_timeout"`
		ReusePort         bool     `json:"reuse_port"`
	}
	if err := spec.DecodeOptions(&own); err != nil {
		return nil, err
	}
	return HTTP(&http.Server{
		Addr: spec.Addr, Handler: h,
		ReadHeaderTimeout: time.Duration(own.ReadHeaderTimeout), IdleTimeout: time.Duration(own.IdleTimeout),
	}, HTTPOptions{
		Name: spec.Name, CertFile: spec.CertFile, KeyFile: spec.KeyFile,
		Settings: spec.Settings(), MaxConns: spec.MaxConns, ReusePort: own.ReusePort,
	}), nil
}
