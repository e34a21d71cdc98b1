/** A GGUF with a chat template that gives nothing but the words: one field more in its header. */
export function withTemplate(gguf: Buffer): Buffer {
  const text = (words: string) => {
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(BigInt(Buffer.byteLength(words)))
    return Buffer.concat([size, Buffer.from(words)])
  }
  const key = text('tokenizer.chat_template')
  const template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
  // The tensors lie at multiples of 32 from the start of the file: a comment fills up to the next.
  const size = key.length + 4 + 8 + template.length + '{##}'.length
  const filled = `${template}{#${' '.repeat((32 - (size % 32)) % 32)}#}`
  const field = Buffer.concat([key, Buffer.from([8, 0, 0, 0]), text(filled)])
  const head = Buffer.from(gguf.subarray(0, 24))
  head.writeBigUInt64LE(head.readBigUInt64LE(16) + 1n, 16)
  return Buffer.concat([head, field, gguf.subarray(24)])
}
