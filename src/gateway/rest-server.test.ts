// What the listener is set up with; what it does is in tests/e2e/rest.test.ts.
import { expect, it } from 'vitest';
import { checkConfig } from '../config/load-config.ts';
import { ModelCatalog } from '../serving/index.ts';
import { createRestServer } from './rest-server.ts';
import { ServerTelemetry } from './server-telemetry.ts';

it('createRestServer() keeps a connection for as long as a slow model may compute', async () => {
  const { models, limits, telemetry } = checkConfig(
    {
      models: [
        { name: 'slow', path: 'slow', unsafeUnsigned: true, limits: { timeoutMs: 600_000n } },
        { name: 'quick', path: 'quick', unsafeUnsigned: true },
      ],
    },
    '.',
  );
  const measured = await ServerTelemetry.open({ models, telemetry }, () => undefined);
  const server = createRestServer({
    catalog: new ModelCatalog([]),
    isolation: { level: 'process', layers: [], surroundings: [] },
    models,
    limits,
    onRefusal: () => undefined,
    telemetry: measured,
  });
  expect(server.server.timeout).toBe(600_000 + limits.http.requestTimeoutMs + limits.http.keepAliveTimeoutMs);
  expect(server.server.requestTimeout).toBe(limits.http.requestTimeoutMs);
  expect(server.server.headersTimeout).toBe(limits.http.headersTimeoutMs);
  expect(server.server.maxConnections).toBe(limits.http.maxConnections);
  await server.close();
  await measured.close();
});
