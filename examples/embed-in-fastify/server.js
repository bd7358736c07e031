// A web service of your own that asks a model: a Fastify route, and Airlock as a library behind it. The model runs in a worker process of
// its own, so a crash or a hang of TensorFlow is an error of one request and not the end of this service.
import { fileURLToPath } from 'node:url';
import fastify from 'fastify';
import { isAirlockError, openModel } from 'tf-airlock';

const beside = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const model = await openModel({
  path: beside('../digits'),
  trust: { key: beside('../release.pub') },
  store: process.env.AIRLOCK_STORE ?? beside('../../.airlock'),
});

const app = fastify({ bodyLimit: 64 * 1024 });

// {"pixels": [[0, 0.5, …], …]}: eight rows of eight numbers from 0 (paper) to 1 (ink).
app.post('/read-digit', async (request) => {
  const pixels = request.body?.pixels;
  if (!Array.isArray(pixels)) throw Object.assign(new Error('pixels must be a list of rows'), { statusCode: 400 });
  // The model wants [images, rows, columns, channels]; whatever does not fit is refused by name, with what was expected.
  const image = [pixels.map((row) => (Array.isArray(row) ? row.map((ink) => [ink]) : row))];
  const { probabilities } = await model.predict({ image });
  const shares = Array.from(probabilities.data);
  const probability = Math.max(...shares);
  return { digit: shares.indexOf(probability), probability };
});

// An error of Airlock has a code and says where the input is wrong; its message is meant for the client.
app.setErrorHandler((error, _request, reply) => {
  if (!isAirlockError(error)) return reply.code(error.statusCode ?? 500).send({ error: error.statusCode ? error.message : 'failed' });
  const isInput = /^(TENSOR|INPUT)_/.test(error.code);
  return reply.code(isInput ? 400 : 503).send({ error: error.message, code: error.code, violations: error.violations });
});

// Without this the worker would keep the process alive.
app.addHook('onClose', () => model.close());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void app.close());

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) });
console.log(`listening on ${url}`);
