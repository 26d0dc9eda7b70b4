package clienttest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	//go:embed package.json
	manifest []byte
	//go:embed package-lock.json
	lock []byte
	//go:embed clients.cjs
	script []byte
)

// install returns a directory with the script and the clients' packages. It is
// made once per machine, in the user's cache, under a name that changes with
// the lock and the script; of several test processes that make it at once, one
// wins. A test that cannot have it fails: it must not seem to have passed.
func install(t testing.TB) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("clienttest: this test drives the real Socket.IO clients and needs %s: install Node.js 20 with npm", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(append(append([]byte{}, lock...), script...))
	dir := filepath.Join(cache, fmt.Sprintf("drain-socketio-clients-%x", sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := fill(t.Context(), cache, dir); err != nil {
		t.Fatalf("clienttest: the Socket.IO clients could not be installed from the npm registry: %v", err)
	}
	return dir
}

// fill installs beside dir and then renames, so that dir is complete or absent.
func fill(ctx context.Context, cache, dir string) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(cache, "drain-socketio-clients-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	for name, content := range map[string][]byte{"package.json": manifest, "package-lock.json": lock, "clients.cjs": script} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o644); err != nil {
			return err
		}
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = work
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(work, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return err
		}
	}
	return nil
}
