/** The layers of Keras 2, which says of none where it comes from; tf.keras.layers of TensorFlow 2.15 and those before. */
const LAYERS = new Set(
  `AbstractRNNCell Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average BatchNormalization
  BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding CenterCrop ClassMethod Concatenate CuDNNGRU
  CuDNNLSTM Dense DenseFeatures Discretization Dot Dropout ELU EinsumDense Embedding Flatten Functional GRU GRUCell GRUV2
  GaussianDropout GaussianNoise GroupNormalization HashedCrossing Hashing Identity InputLayer InstanceMethod
  InstanceProperty IntegerLookup LSTM LSTMCell LSTMV2 LayerNormalization LeakyReLU Masking Maximum Minimum Model
  MultiHeadAttention Multiply Network Normalization PReLU Permute RNN RandomBrightness RandomContrast RandomCrop RandomFlip
  RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
  Sequential SimpleRNN SimpleRNNCell SlicingOpLambda Softmax SpectralNormalization StackedRNNCells StringLookup Subtract
  SyncBatchNormalization TFOpLambda TensorFlowOpLayer TextVectorization ThresholdedReLU TimeDistributed UnitNormalization
  Wrapper`.split(/\s+/),
)
/** Those that there are for one, two and three dimensions. */
const DIMENSIONED =
  /^(?:(?:Depthwise|Separable)?Conv|Convolution|ConvLSTM|SeparableConvolution|DepthwiseConv|LocallyConnected|Cropping|ZeroPadding|UpSampling|SpatialDropout|(?:Global)?(?:Average|Max)Pool(?:ing)?)[123]D$|^Conv(?:olution)?[123]DTranspose$|^Deconvolution[23]D$/

export function isLayerOfKeras2(className: string): boolean {
  return LAYERS.has(className) || DIMENSIONED.test(className)
}
