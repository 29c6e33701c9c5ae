// Finds what a control point would: the WANIPConnection (or PPP) service of a description.

/** `place` and `description` → the target of `soapRequest`. */
export function controlTarget(place, description) {
  for (const [, service] of description.matchAll(/<service>([\s\S]*?)<\/service>/g)) {
    const serviceType = textOf('serviceType', service);
    const path = textOf('controlURL', service);
    if (!/:WANIPConnection:\d$/.test(serviceType)) continue;
    const base = new URL(`http://${place.host}:${place.port}${place.path}`);
    return { host: place.host, port: place.port, path: new URL(path, base).pathname, serviceType };
  }
  throw new Error(`no WANIPConnection in the description at ${place.path}`);
}

const textOf = (name, xml) => new RegExp(`<${name}>\\s*([^<\\s]+)`).exec(xml)?.[1] ?? '';
