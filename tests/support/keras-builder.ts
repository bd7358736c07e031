// Configurations of Keras for tests, as it writes them, and functions as `marshal` would write them.
import type { JsonValue } from '../../src/scan/keras/index.ts';

type Config = Record<string, unknown>;

/** A layer as Keras 3 writes it. */
export function layer(className: string, config: Config = {}, more: Config = {}): Config {
  return {
    module: 'keras.layers',
    class_name: className,
    config: { name: className.toLowerCase(), ...config },
    registered_name: null,
    ...more,
  };
}

/** A function named in a configuration. */
export function functionNamed(module: string, name: string, registered: string | null = name): Config {
  return { module, class_name: 'function', config: name, registered_name: registered };
}

export function sequential(...layers: readonly Config[]): JsonValue {
  const input = layer('InputLayer', { batch_shape: [null, 8], dtype: 'float32' });
  return JSON.parse(
    JSON.stringify({
      module: 'keras',
      class_name: 'Sequential',
      config: { name: 'model', layers: [input, ...layers] },
      registered_name: 'Sequential',
    }),
  );
}

/** The head of a code object of Python 3.11 and names as short ASCII strings; enough for whoever only looks. */
export function bytecode(...names: readonly string[]): Buffer {
  const head = Buffer.alloc(21);
  head[0] = 0xe3;
  head.writeUInt32LE(1, 1);
  head.writeUInt32LE(3, 13);
  head[17] = 0x73;
  head[18] = 24;
  const texts = names.map((name) => Buffer.concat([Buffer.from([0xda, name.length]), Buffer.from(name)]));
  return Buffer.concat([head, Buffer.alloc(24, 0x64), ...texts, Buffer.from([0xf3, 0, 0, 0, 0])]);
}

/** `{class_name: "__lambda__"}` around bytecode that names these. */
export function lambdaOf(...names: readonly string[]): Config {
  return { class_name: '__lambda__', config: { code: bytecode(...names).toString('base64'), defaults: null, closure: null } };
}
