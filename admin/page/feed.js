// The stream of frames, and whether there is anyone at the other end.

const retry = [500, 1000, 2000, 3000];

// watch calls on.hello, on.frame, and on.gone when nobody answers.
export function watch(on) {
  let failures = 0;
  let final = false;

  function connect() {
    const source = new EventSource("status/events");
    const again = (after) => {
      source.close();
      setTimeout(connect, after);
    };
    source.addEventListener("hello", (e) => on.hello(JSON.parse(e.data)));
    source.addEventListener("status", (e) => {
      failures = 0;
      const frame = JSON.parse(e.data);
      frame.size = e.data.length;
      final = Boolean(frame.report);
      on.frame(frame);
      if (final) again(3000); // another process may take its place
    });
    source.addEventListener("error", () => {
      on.gone(final);
      again(retry[Math.min(failures++, retry.length - 1)]);
    });
  }
  connect();
}
