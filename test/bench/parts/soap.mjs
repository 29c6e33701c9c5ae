// SOAP requests as bytes, the way a small control point writes them, and just enough reading of the answers.

const ACTIONS = {
  AddPortMapping: (call) => [
    ['NewRemoteHost', ''],
    ['NewExternalPort', call.port],
    ['NewProtocol', call.protocol ?? 'TCP'],
    ['NewInternalPort', call.port],
    ['NewInternalClient', call.from],
    ['NewEnabled', 1],
    ['NewPortMappingDescription', 'bench'],
    ['NewLeaseDuration', call.lease ?? 3600],
  ],
  DeletePortMapping: (call) => [
    ['NewRemoteHost', ''],
    ['NewExternalPort', call.port],
    ['NewProtocol', call.protocol ?? 'TCP'],
  ],
  GetGenericPortMappingEntry: (call) => [['NewPortMappingIndex', call.index]],
  GetListOfPortMappings: (call) => [
    ['NewStartPort', 1],
    ['NewEndPort', 65535],
    ['NewProtocol', call.protocol ?? 'TCP'],
    ['NewManage', 1],
    ['NewNumberOfPorts', call.most ?? 0],
  ],
  GetExternalIPAddress: () => [],
};

/** `target`: { host, port, path, serviceType }; `call`: { action, from, … }. */
export function soapRequest(target, call) {
  const args = ACTIONS[call.action](call)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');
  const body =
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${call.action} xmlns:u="${target.serviceType}">${args}</u:${call.action}></s:Body></s:Envelope>\r\n`;
  return Buffer.from(
    `POST ${target.path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nUser-Agent: bench\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nContent-Type: text/xml; charset="utf-8"\r\nConnection: close\r\n` +
      `SOAPAction: "${target.serviceType}#${call.action}"\r\n\r\n${body}`,
  );
}

/** Undefined while the answer is not complete. */
export function answerIn(text, hasEnded) {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /^content-length:\s*(\d+)/im.exec(text.slice(0, headEnd))?.[1];
  const have = Buffer.byteLength(text) - headEnd - 4;
  if (length === undefined ? !hasEnded : have < Number(length)) return undefined;
  return {
    status: Number(text.slice(9, 12)),
    error: /<errorCode>(\d+)/.exec(text)?.[1],
    body: text.slice(headEnd + 4),
  };
}
