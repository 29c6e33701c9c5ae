// The JSON API's writing methods. Who may use them is decided before, in admin-routes.ts.

import type { HttpRequest, HttpResponse } from '../base/http.ts';
import { IpAddress } from '../base/ip-address.ts';
import { faultAnswer, jsonAnswer, refusalAnswer } from './admin-answer.ts';
import { parseJson } from './api-schema.ts';
import type { OperatorSource } from './operator-source.ts';
import { emptiedJson } from './status-json.ts';

export async function postMapping(source: OperatorSource, request: HttpRequest): Promise<HttpResponse> {
  const order = parseJson('order', request.body);
  if (!order.ok) return faultAnswer(400, `the order is not right: ${order.error}`);
  if (IpAddress.parse(order.value.internalAddress) === undefined) {
    return faultAnswer(400, `"${order.value.internalAddress}" is not an IP address`);
  }
  if (order.value.externalPort === 0 && !order.value.anyPort) {
    return faultAnswer(400, 'externalPort is missing: name one, or set anyPort');
  }
  const added = await source.addMapping(order.value);
  if (!added.ok) return refusalAnswer(added.error);
  const { protocol, externalPort, remoteHost, externalAddress } = added.value;
  return jsonAnswer({ protocol, externalPort, remoteHost, externalAddress: externalAddress ?? null }, 201);
}

/** One mapping, or `?all=true`. Named in the query: bodies of DELETE get lost on the way. */
export async function deleteMapping(source: OperatorSource, request: HttpRequest): Promise<HttpResponse> {
  const fields = new URLSearchParams(request.query);
  if (fields.get('all') === 'true') return jsonAnswer(emptiedJson(await source.deleteAll()));
  const name = parseJson(
    'name',
    JSON.stringify({
      protocol: fields.get('protocol')?.toUpperCase(),
      externalPort: Number(fields.get('externalPort') ?? Number.NaN),
      remoteHost: fields.get('remoteHost') ?? '',
    }),
  );
  if (!name.ok) return faultAnswer(400, `name the mapping as ?protocol=TCP&externalPort=8080: ${name.error}`);
  const deleted = await source.deleteMapping(name.value);
  return deleted.ok ? jsonAnswer(name.value) : refusalAnswer(deleted.error);
}
