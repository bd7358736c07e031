// Custom operations that well-known libraries bring: their names as data. A name says nothing about what the code behind it does, only that
// the model asks for nothing unheard of.

const known: ReadonlySet<string> = new Set(
  `TFLite_Detection_PostProcess Convolution2DTransposeBias MaxPoolingWithArgmax2D MaxUnpooling2D PoolingWithArgmax2D
  TransformTensorBilinear TransformLandmarks Landmarks2TransformMatrix AudioSpectrogram Mfcc MelSpectrogram Atan2 Sign Roll Irfft2d
  RandomUniform RandomStandardNormal Multinomial Bucketize Complex Cumsum Dilate AvgPool3D MaxPool3D NumericVerify PartitionedCall
  WhitespaceTokenizer WhitespaceTokenizeWithOffsetsV2 NgramsStringJoin RaggedTensorToTensor RaggedRange RaggedTensorToSparse
  SentencepieceTokenizer SentencepieceTokenizeOp TFSentencepieceTokenizeOp TFSentencepieceDetokenizeOp FastBertNormalize
  FastWordpieceTokenizeWithOffsets FastSentencepieceTokenize Ngrams Predict Normalize ExtractFeatures
  TensorListReserve TensorListFromTensor TensorListStack TensorListGetItem TensorListSetItem TensorListLength TensorListElementShape
  TensorListPopBack TensorListPushBack VariantAddN VariantZerosLike HashtableFind HashtableImport edgetpu-custom-op ethos-u
  ParseExample ParseExampleV2 BatchMatMul Relu6 SpectrogramOp StreamingConv odml.rms_norm odml.scaled_dot_product_attention odml.update_kv_cache
  odml.embedding_lookup odml.quantize_and_dequantize KV_CACHE SDPA`.split(/\s+/),
);
const knownPrefixes = [
  'tftext:',
  'TFText>',
  'tf.text.',
  'aten.',
  'SignalFft',
  'SignalRfft',
  'SignalFilterBank',
  'SignalPCAN',
  'Signal',
];

/** True for the operations of MediaPipe, TensorFlow Text, the detection post-processing and TFLite's own libraries. */
export function isKnownCustomOp(name: string): boolean {
  return known.has(name) || knownPrefixes.some((prefix) => name.startsWith(prefix));
}

const knownTargets = ['stablehlo.', 'mhlo.', 'chlo.', 'odml.', 'tf.', 'Sharding', 'SPMD', 'quant.', 'annotate_device_placement'];

/** True for custom calls that compilers put there themselves and no native function answers. */
export function isKnownCustomCall(target: string): boolean {
  return knownTargets.some((prefix) => target.startsWith(prefix));
}
