/** Operators that reach files, programs or other machines. Those of checkpoints belong to every SavedModel. */
const REFUSED = [
  /^(?:ReadFile|WriteFile|MatchingFiles|GenerateVocabRemapping|LoadAndRemapMatrix|LoadLibrary|ImportEvent)$/,
  /^(?:PyFunc|PyFuncStateless|EagerPyFunc|PrintV2|Print|TFSMLayer)$/,
  /^(?:Save|SaveSlices|Restore|RestoreSlice|DistributedSave)$/,
  /^(?:WholeFile|FixedLengthRecord|TextLine|TFRecord|LMDB)Reader(?:V2)?$/,
  /^(?:(?:Load|Save|Cache|Snapshot|CSV|Sql|LMDB|MatchingFiles|TextLine|TFRecord|FixedLengthRecord|DataService)Dataset(?:V\d)?)$/,
  /^(?:DatasetToTFRecord|InitializeTableFromDataset|RegisterDataset(?:V2)?)$/,
  /^(?:SQL\w*|RpcCall|RpcClient|RpcServer\w*|DeserializeManySparse\w*Remote)$/,
  /^(?:Recv|Send|_HostRecv|_HostSend|CollectiveReduce\w*)$/,
  /^Debug(?:Identity|NumericSummary|NanCount)(?:V\d)?$/,
  /^(?:SummaryWriter|WriteSummary|Write\w+Summary|CreateSummary(?:File|Db)Writer|CloseSummaryWriter|FlushSummaryWriter)$/,
  /^(?:DecodeProtoV2|EncodeProto)$/,
  // What it runs stands in a text, where no operator can be seen.
  /^(?:DatasetFromGraph|DeserializeIterator|RemoteFusedGraphExecute)$/,
  // TensorFlow I/O and the clients of clouds.
  /^IO>/,
  /^(?:Bigtable|BigQuery|Kafka|GcsConfigure|GCSConfigure)\w*$/,
]

/** Whether an operator of TensorFlow touches more than the values it is given. */
export function reachesOut(operator: string): boolean {
  // Data sets had this word in their names before they were taken for finished.
  const name = operator.replace(/^Experimental/, '')
  return REFUSED.some((pattern) => pattern.test(name))
}
