// Operations that are dangerous by being run at all, whatever their arguments: code, network, configuration, crashes, other models' state.
// Where an argument says more it is named, but it does not make the operation harmless.
import type { OpRisk } from './hazard-types.ts';

const names = (text: string): readonly string[] => text.split(' ');

export const runRisks: readonly OpRisk[] = [
  {
    ops: names('PyFunc PyFuncStateless EagerPyFunc'),
    ruleId: 'code-execution/python',
    severity: 'critical',
    verb: 'calls the Python function registered as',
    object: 'a token',
    at: ['attr:token'],
    effect:
      'It runs Python of the process that loaded the model. A process that registered nothing fails at it; a token of the form pyfunc_N may ' +
      'name a function that somebody else registered.',
  },
  {
    ops: names('XlaCustomCall XlaCustomCallV2'),
    ruleId: 'code-execution/native-call',
    severity: 'high',
    verb: 'calls the native function',
    object: 'of a name',
    at: ['attr:target_name', 'attr:call_target_name'],
  },
  {
    ops: names('XlaHostCompute _XlaHostComputeMlir _XlaRecvAtHost _XlaRecvAtHostV2 _XlaSendFromHost _XlaSendFromHostV2'),
    ruleId: 'code-execution/host-callback',
    severity: 'high',
    verb: 'runs host code for a compiled computation, key',
    object: 'unknown',
    at: ['attr:host_mlir_module', 'attr:key', 'attr:shape_inference_graph'],
  },
  {
    ops: ['MlirPassthroughOp'],
    ruleId: 'code-execution/opaque-module',
    severity: 'high',
    verb: 'runs the MLIR module',
    object: 'in its attribute',
    at: ['attr:mlir_module'],
  },
  {
    ops: ['Abort'],
    ruleId: 'crash/abort',
    severity: 'critical',
    verb: 'ends the whole process with the message',
    object: 'of its attribute',
    at: ['attr:error_msg'],
  },
  {
    ops: ['FileSystemSetConfiguration'],
    ruleId: 'configuration/file-system',
    severity: 'high',
    verb: 'configures for the whole process the file system',
    object: 'of its argument',
    at: ['in:scheme', 'in:key', 'in:value'],
    effect:
      'Credentials, endpoints or certificates of a file system change for everything in the process, other models included.',
  },
  {
    ops: names(
      'ConfigureAndInitializeGlobalTPU ConfigureDistributedTPU ConfigureTPUEmbedding ConfigureTPUEmbeddingHost ConfigureTPUEmbeddingMemory ' +
        'ConnectTPUEmbeddingHosts FinalizeTPUEmbedding FinalizeTPUEmbeddingV2 ShutdownDistributedTPU ShutdownTPUSystem WorkerHeartbeat ' +
        '_ConfigureDistributedTPU _DisconnectHostFromDistributedTPUSystem _InitializeHostForDistributedTPU _ShutdownDistributedTPU ' +
        '_WaitForDistributedTPU _SetGlobalTPUArray',
    ),
    ruleId: 'configuration/accelerator',
    severity: 'high',
    verb: 'configures or stops the TPU system',
    object: 'of the machine',
    at: ['in:request'],
  },
  {
    ops: names(
      'DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset RegisterDatasetV2',
    ),
    ruleId: 'network/op',
    severity: 'critical',
    verb: 'connects to the tf.data service at',
    object: 'an address',
    at: ['in:address'],
  },
  {
    ops: names('RpcClient RpcServer'),
    ruleId: 'network/op',
    severity: 'critical',
    verb: 'opens a connection for remote calls at',
    object: 'an address',
    at: ['in:server_address'],
  },
  {
    ops: names('RpcServerStart RpcServerRegister RpcCall RpcCheckStatus RpcGetValue DeleteRpcFutureResource'),
    ruleId: 'network/op',
    severity: 'critical',
    verb: 'makes remote calls',
    object: 'over the network',
    at: ['in:method_name'],
  },
  {
    ops: names(
      'CollectiveAllToAllV2 CollectiveAllToAllV3 CollectiveAssignGroupV2 CollectiveBcastRecv CollectiveBcastRecvV2 CollectiveBcastSend ' +
        'CollectiveBcastSendV2 CollectiveGather CollectiveGatherV2 CollectiveInitializeCommunicator CollectivePermute CollectiveReduce ' +
        'CollectiveReduceScatterV2 CollectiveReduceV2 CollectiveReduceV3 NcclAllReduce NcclBroadcast NcclReduce _NcclBroadcastRecv ' +
        '_NcclBroadcastSend _NcclReduceRecv _NcclReduceSend',
    ),
    ruleId: 'network/collective',
    severity: 'high',
    verb: 'exchanges tensors with other workers and waits for them, group size',
    object: 'unknown',
    at: ['attr:group_size', 'in:group_size'],
  },
  {
    ops: names('Send Recv _Send _Recv _HostSend _HostRecv'),
    ruleId: 'network/rendezvous',
    severity: 'high',
    verb: 'waits to exchange a tensor between the devices',
    object: 'of its attributes',
    at: ['attr:send_device', 'attr:recv_device', 'attr:tensor_name'],
    effect:
      'TensorFlow adds these itself where graphs are cut; one that stands in a model talks to another worker or waits forever.',
  },
  {
    ops: names('DeserializeIterator IteratorFromStringHandle IteratorFromStringHandleV2 MultiDeviceIteratorFromStringHandle'),
    ruleId: 'cross-model/handle',
    severity: 'medium',
    verb: 'takes an iterator of the process by the handle',
    object: 'in a string',
    at: ['in:string_handle', 'in:serialized'],
  },
  {
    ops: names('GetSessionHandle GetSessionHandleV2 GetSessionTensor DeleteSessionTensor'),
    ruleId: 'cross-model/handle',
    severity: 'medium',
    verb: 'uses a tensor that the session keeps between requests, by the handle',
    object: 'in a string',
    at: ['in:handle'],
  },
  {
    ops: names('MutexLock ConsumeMutexLock'),
    ruleId: 'hang/lock',
    severity: 'medium',
    verb: 'takes a lock',
    object: 'that outlives the request',
    at: [],
  },
  {
    ops: names(
      'WriteSummary WriteScalarSummary WriteHistogramSummary WriteImageSummary WriteAudioSummary WriteGraphSummary WriteRawProtoSummary ' +
        'ImportEvent StatsAggregatorSetSummaryWriter',
    ),
    ruleId: 'file-write/summary',
    severity: 'medium',
    verb: 'writes a summary to the files of a writer',
    object: 'of the process',
    at: ['in:tag'],
  },
  {
    ops: names('StoreMinibatchStatisticsInFdo'),
    ruleId: 'file-write/op',
    severity: 'medium',
    verb: 'stores statistics',
    object: 'of batches',
    at: ['in:program_key'],
  },
  {
    ops: names('InfeedDequeue InfeedDequeueTuple OutfeedDequeue OutfeedDequeueTuple OutfeedDequeueTupleV2 OutfeedDequeueV2'),
    ruleId: 'hang/blocking-op',
    severity: 'medium',
    verb: 'waits for data',
    object: 'of a TPU',
    at: [],
  },
];
