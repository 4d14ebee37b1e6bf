// A container's health: ends with 0 when the server says that it is ready, otherwise with 1 and its reasons.
// HEALTHCHECK_URL asks another address, such as /livez or https://127.0.0.1:8443/readyz.
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const { HEALTHCHECK_URL, DEPTHCAST_SERVER_PORT = '8080' } = process.env;
const url = new URL(HEALTHCHECK_URL ?? `http://127.0.0.1:${DEPTHCAST_SERVER_PORT}/readyz`);
const get = url.protocol === 'https:' ? getHttps : getHttp;

// The certificate is not checked: this asks the process beside it whether it answers, and tells it nothing.
const request = get(url, { timeout: 4000, rejectUnauthorized: false }, (response) => {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text) => {
    body = (body + text).slice(0, 2000);
  });
  response.on('end', () => end(response.statusCode === 200, body.trim()));
});
request.on('timeout', () => request.destroy(new Error('no answer within 4 s')));
request.on('error', (error) => end(false, error.message));

function end(healthy, text) {
  console.log(text);
  process.exit(healthy ? 0 : 1);
}
