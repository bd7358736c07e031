// Models that talk to others: TensorFlow speaks gRPC.
import { attribute } from '../../support/graph.ts';
import type { Attack, Attacks } from './attack.ts';
import { code, elementOf, type HostileSignature } from './attack-graph.ts';
import type { World } from './world.ts';

type Build = (graph: Parameters<HostileSignature['build']>[0], address: string) => ReturnType<HostileSignature['build']>;

/** An attack that has worked when somebody came to the port that it is given. */
function connects(world: World, name: string, build: Build): Attack {
  const visitors = world.listener();
  return { name, build: (graph) => build(graph, visitors.address), worked: () => visitors.connections > 0 };
}

export const network: Attacks = (world) => [
  connects(world, 'register_dataset', (graph, address) => {
    const policy = { external_state_policy: attribute.integer(0) };
    const id = graph.op('RegisterDatasetV2', [graph.range(1), graph.text(address), graph.text('grpc')], policy);
    return { tensor: `${id}:0`, dtype: 'DT_STRING' };
  }),
  connects(world, 'data_service_dataset', (graph, address) => {
    const words = ['parallel_epochs', address, 'grpc', 'job'].map((word) => graph.text(word));
    const inputs = [graph.int64(1), ...words, graph.int64(1), graph.op('DummyIterationCounter')];
    return graph.single(graph.op('DataServiceDataset', inputs, elementOf(code.int64)), 'DT_INT64');
  }),
  connects(world, 'distributed_save', (graph, address) =>
    graph.after(graph.op('DistributedSave', [graph.range(1), graph.text(world.folder('distributed_save')), graph.text(address)])),
  ),
  connects(world, 'debug_identity_grpc', (graph, address) => {
    const options = {
      T: attribute.type(code.float),
      tensor_name: attribute.text('x:0'),
      device_name: attribute.text('/job:localhost/replica:0/task:0/device:CPU:0'),
      debug_urls: attribute.texts([`grpc://${address}`]),
    };
    return { tensor: `${graph.op('DebugIdentity', [graph.float(1)], options)}:0`, dtype: 'DT_FLOAT' };
  }),
];
