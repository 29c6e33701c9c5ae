// Where this machine gets its Debian from, read from apt's own files (sources.list(5), both formats).

/** @param {readonly string[]} texts of sources.list and of what lies in sources.list.d */
export function debianMirror(texts) {
  const found = texts.flatMap((text) => [...mirrorsIn(text)]);
  // Security updates have a mirror of their own, without the base system.
  const mirror = found.find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new Error('the apt sources of this machine name no mirror of Debian');
  return mirror;
}

function* mirrorsIn(text) {
  for (const line of text.split('\n')) {
    const oneLine = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s/.exec(line);
    if (oneLine !== null) yield oneLine[1];
    const stanza = /^URIs:\s*(.+)$/.exec(line);
    if (stanza !== null) yield* stanza[1].trim().split(/\s+/);
  }
}
