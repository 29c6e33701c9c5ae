// Talks to `igd2pcp simulate --control`.

import { request } from 'node:http';

/** "loss 30%", "restart announce" … */
export const order = (socketPath, line) => call({ socketPath, path: '/', method: 'POST' }, line);

export const heldMappings = async (socketPath) =>
  JSON.parse(await call({ socketPath, path: '/json', method: 'GET' }, '')).mappings;

function call(options, body) {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
