// TFLite's flatbuffer schema v3c as data: for each table its fields by id, as far as a scan reads or verifies them. Facts from TensorFlow
// 2.21's public schema; nothing generated. A field that is not listed here is not verified, so none that holds an offset may be missing.

/** Sizes are what one value takes inline. `table:X`, `[X]` and `union:a` are offsets. */
export type FieldType =
  | 'bool'
  | 'i8'
  | 'u8'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'f32'
  | 'string'
  | `[${string}]`
  | `table:${string}`
  | `union:${string}`;

export interface Field {
  readonly id: number;
  readonly type: FieldType;
}

export type TableSchema = Readonly<Record<string, Field>>;

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** `name:type` in the order of the ids; `-` for an id that is not used any more; a union takes two ids, the first is its type. */
function table(text: string): TableSchema {
  const fields: Record<string, Field> = {};
  words(text).forEach((entry, id) => {
    const colon = entry.indexOf(':');
    if (colon > 0) fields[entry.slice(0, colon)] = { id, type: entry.slice(colon + 1) as FieldType };
  });
  return fields;
}

const axes2 = 'strideW:i32 strideH:i32';

const declared: Readonly<Record<string, TableSchema>> = {
  Model: table(`
    version:u32 operatorCodes:[table:OperatorCode] subgraphs:[table:SubGraph] description:string buffers:[table:Buffer]
    metadataBuffer:[i32] metadata:[table:Metadata] signatureDefs:[table:SignatureDef]
    externalBufferGroups:[table:ExternalBufferGroup] externalBuffers:[table:ExternalBuffer]
  `),
  OperatorCode: table('deprecatedBuiltinCode:i8 customCode:string version:i32 builtinCode:i32'),
  SubGraph: table('tensors:[table:Tensor] inputs:[i32] outputs:[i32] operators:[table:Operator] name:string'),
  Tensor: table(`
    shape:[i32] type:i8 buffer:u32 name:string quantization:table:QuantizationParameters isVariable:bool
    sparsity:table:SparsityParameters shapeSignature:[i32] hasRank:bool variantTensors:[table:VariantSubType]
    externalBuffer:u32
  `),
  VariantSubType: table('shape:[i32] type:i8 hasRank:bool'),
  QuantizationParameters: table(`
    min:[f32] max:[f32] scale:[f32] zeroPoint:[i64] detailsType:u8 details:union:QuantizationDetails
    quantizedDimension:i32
  `),
  CustomQuantization: table('custom:[u8]'),
  BlockwiseQuantization: table('scales:i32 zeroPoints:i32 blockSize:i32'),
  SparsityParameters: table('traversalOrder:[i32] blockMap:[i32] dimMetadata:[table:DimensionMetadata]'),
  DimensionMetadata: table(`
    format:i8 denseSize:i32 arraySegmentsType:u8 arraySegments:union:SparseIndexVector arrayIndicesType:u8
    arrayIndices:union:SparseIndexVector
  `),
  Int32Vector: table('values:[i32]'),
  Uint16Vector: table('values:[u16]'),
  Uint8Vector: table('values:[u8]'),
  Operator: table(`
    opcodeIndex:u32 inputs:[i32] outputs:[i32] builtinOptionsType:u8 builtinOptions:union:BuiltinOptions
    customOptions:[u8] customOptionsFormat:i8 mutatingVariableInputs:[bool] intermediates:[i32]
    largeCustomOptionsOffset:u64 largeCustomOptionsSize:u64 builtinOptions2Type:u8 builtinOptions2:union:BuiltinOptions2
  `),
  Buffer: table('data:[u8] offset:u64 size:u64'),
  Metadata: table('name:string buffer:u32'),
  TensorMap: table('name:string tensorIndex:u32'),
  SignatureDef: table('inputs:[table:TensorMap] outputs:[table:TensorMap] signatureKey:string - subgraphIndex:u32'),
  ExternalBufferGroup: table('name:string'),
  ExternalBuffer: table('id:u32 group:u32 offset:u64 length:u64 packing:string'),

  Conv2DOptions: table(`padding:i8 ${axes2} activation:i8 dilationW:i32 dilationH:i32`),
  Conv3DOptions: table('padding:i8 strideD:i32 strideW:i32 strideH:i32 activation:i8 dilationD:i32 dilationW:i32 dilationH:i32'),
  Pool2DOptions: table(`padding:i8 ${axes2} filterWidth:i32 filterHeight:i32`),
  DepthwiseConv2DOptions: table(`padding:i8 ${axes2} depthMultiplier:i32 activation:i8 dilationW:i32 dilationH:i32`),
  TransposeConvOptions: table(`padding:i8 ${axes2}`),
  ConcatEmbeddingsOptions: table('numChannels:i32 numColumnsPerChannel:[i32] embeddingDimPerChannel:[i32]'),
  SVDFOptions: table('rank:i32'),
  FullyConnectedOptions: table('activation:i8 weightsFormat:i8'),
  ConcatenationOptions: table('axis:i32'),
  LocalResponseNormalizationOptions: table('radius:i32'),
  CallOptions: table('subgraph:u32'),
  ReshapeOptions: table('newShape:[i32]'),
  SkipGramOptions: table('ngramSize:i32 maxSkipSize:i32'),
  SpaceToDepthOptions: table('blockSize:i32'),
  DepthToSpaceOptions: table('blockSize:i32'),
  GatherOptions: table('axis:i32 batchDims:i32'),
  SqueezeOptions: table('squeezeDims:[i32]'),
  SplitOptions: table('numSplits:i32'),
  SplitVOptions: table('numSplits:i32'),
  StridedSliceOptions: table('beginMask:i32 endMask:i32 ellipsisMask:i32 newAxisMask:i32 shrinkAxisMask:i32'),
  PackOptions: table('valuesCount:i32 axis:i32'),
  UnpackOptions: table('num:i32 axis:i32'),
  OneHotOptions: table('axis:i32'),
  ReverseSequenceOptions: table('seqDim:i32 batchDim:i32'),
  BatchMatMulOptions: table('adjX:bool adjY:bool'),
  IfOptions: table('thenSubgraphIndex:i32 elseSubgraphIndex:i32'),
  WhileOptions: table('condSubgraphIndex:i32 bodySubgraphIndex:i32'),
  CallOnceOptions: table('initSubgraphIndex:i32'),
  VarHandleOptions: table('container:string sharedName:string'),
  HashtableOptions: table('tableId:i32 keyDtype:i8 valueDtype:i8'),
  BucketizeOptions: table('boundaries:[f32]'),

  StablehloGatherOptions: table(`
    offsetDims:[i64] collapsedSliceDims:[i64] startIndexMap:[i64] indexVectorDim:i64 sliceSizes:[i64]
    indicesAreSorted:bool
  `),
  StablehloTransposeOptions: table('permutation:[i64]'),
  StablehloDotGeneralOptions: table(`
    lhsBatchingDimensions:[i64] rhsBatchingDimensions:[i64] lhsContractingDimensions:[i64]
    rhsContractingDimensions:[i64] precisionConfig:[u32]
  `),
  StablehloReduceWindowOptions: table(`
    windowDimensions:[i64] windowStrides:[i64] baseDilations:[i64] windowDilations:[i64] padding:[i64]
    bodySubgraphIndex:i32
  `),
  StablehloWhileOptions: table('condSubgraphIndex:i32 bodySubgraphIndex:i32'),
  StablehloSortOptions: table('dimension:i64 isStable:bool comparatorSubgraphIndex:i32'),
  StablehloConcatenateOptions: table('dimension:i64'),
  StablehloBroadcastInDimOptions: table('broadcastDimensions:[i64]'),
  StablehloCompareOptions: table('comparisonDirection:u32 compareType:u32'),
  StablehloDynamicSliceOptions: table('sliceSizes:[i64]'),
  StablehloPadOptions: table('edgePaddingLow:[i64] edgePaddingHigh:[i64] interiorPadding:[i64]'),
  StablehloCustomCallOptions: table(`
    callTargetName:string hasSideEffect:bool backendConfig:string apiVersion:i32 calledComputations:[i32]
    customAttributes:[u8]
  `),
  StablehloReduceOptions: table('dimensions:[i64] bodySubgraphIndex:i32'),
  StablehloSliceOptions: table('startIndices:[i64] limitIndices:[i64] strides:[i64]'),
  StablehloConvolutionOptions: table(`
    windowStrides:[i64] padding:[i64] lhsDilation:[i64] rhsDilation:[i64] windowReversal:[bool] inputBatchDimension:i64
    inputFeatureDimension:i64 inputSpatialDimensions:[i64] kernelInputFeatureDimension:i64
    kernelOutputFeatureDimension:i64 kernelSpatialDimensions:[i64] outputBatchDimension:i64 outputFeatureDimension:i64
    outputSpatialDimensions:[i64] featureGroupCount:i64 batchGroupCount:i64 precisionConfig:[u32]
  `),
  StablehloScatterOptions: table(`
    indicesAreSorted:bool updateWindowDims:[i64] insertedWindowDims:[i64] scatterDimsToOperandDims:[i64]
    indexVectorDim:i64 uniqueIndices:bool updateComputationSubgraphIndex:i32
  `),
  StablehloCaseOptions: table('branchSubgraphIndices:[i32]'),
  StableHLOCompositeOptions: table(`
    name:string decompositionSubgraphIndex:i32 compositeAttributes:[u8] compositeAttributesFormat:i8 version:i32
  `),
};

const tables: ReadonlyMap<string, TableSchema> = new Map(Object.entries(declared));

/** Undefined for a table whose fields are of no interest, all of them numbers: only its vtable is verified then. */
export function tableSchema(name: string): TableSchema | undefined {
  return tables.get(name);
}

// Members in the order of their numbers, from 1. Those without offsets inside are `-`.
const unionMembers: Readonly<Record<string, readonly string[]>> = {
  QuantizationDetails: ['CustomQuantization', 'BlockwiseQuantization'],
  SparseIndexVector: ['Int32Vector', 'Uint16Vector', 'Uint8Vector'],
  BuiltinOptions: words(`
    Conv2DOptions DepthwiseConv2DOptions ConcatEmbeddingsOptions - Pool2DOptions SVDFOptions - FullyConnectedOptions -
    ConcatenationOptions - - LocalResponseNormalizationOptions - - CallOptions ReshapeOptions SkipGramOptions
    SpaceToDepthOptions - - - GatherOptions - - - - - - SqueezeOptions - StridedSliceOptions - - SplitOptions - - - - -
    - - - - - - - - TransposeConvOptions - - - - - - - - - PackOptions - OneHotOptions - - UnpackOptions - - - - - - - -
    - - - - - - SplitVOptions - - - - - - - ReverseSequenceOptions - - - - IfOptions WhileOptions DepthToSpaceOptions -
    - - - - - BatchMatMulOptions - CallOnceOptions - - Conv3DOptions HashtableOptions - - - VarHandleOptions - - -
    BucketizeOptions - - - - - - - - - - -
  `),
  BuiltinOptions2: words(`
    StablehloConcatenateOptions StablehloBroadcastInDimOptions StablehloSliceOptions StablehloConvolutionOptions
    StablehloCustomCallOptions StablehloReduceOptions StablehloScatterOptions StablehloCompareOptions
    StablehloDynamicSliceOptions StablehloPadOptions - StablehloDotGeneralOptions StablehloReduceWindowOptions
    StablehloSortOptions StablehloWhileOptions StablehloGatherOptions StablehloTransposeOptions - - -
    StableHLOCompositeOptions - StablehloCaseOptions
  `),
};

/** Name of the table that a union holds; `-` when it has no offsets; undefined for a number that the schema does not know, and 0. */
export function unionMember(union: string, type: number): string | undefined {
  return unionMembers[union]?.[type - 1];
}
