import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FIXTURES } from '../../testing/fixtures'
import { tried } from '../../testing/verdicts'
import { zip } from '../../testing/zip-builder'

const latin = (text: string) => Buffer.from(text, 'latin1')
const program = (...lines: string[]) => taking('x: Tensor', ...lines)
const taking = (input: string, ...lines: string[]): Uint8Array =>
  zip([
    { name: 'net/data.pkl', content: latin('\x80\x02c__torch__\nNet\n)\x81}b.') },
    { name: 'net/constants.pkl', content: latin('\x80\x02).') },
    {
      name: 'net/code/__torch__.py',
      content: latin(
        [
          'class Net(Module):',
          '  ops : Tensor',
          '  def forward(me: __torch__.Net,',
          `    ${input}) -> Tensor:`,
          ...lines.map((line) => `    ${line}`),
          '    return x',
          '',
        ].join('\n'),
      ),
    },
  ])

tried('a TorchScript program', 'pt', [
  ['that speaks of files in a message', 'accept', readFileSync(join(FIXTURES, 'torch', 'told.pt'))],
  ['that takes a list of tensors', 'accept', taking('x: List[Tensor]'), 'which tensors it takes'],
  ['that speaks of files in a comment', 'accept', program('# torch.load("x")')],
  ['with a field that is called ops', 'accept', program('y = me.ops')],
  ['behind a text that does not end where it seems to', 'reject', program('y = "\\\\" + torch.load("")')],
  ['behind a text that begins twice', 'reject', program(`y = '"' + torch.load('"')`), 'torch.load'],
  ['between three quotes each', 'reject', program('y = """a"b"""', 'z = torch.save(x, "")')],
  ['by another name of the library', 'reject', program('t = torch', 'y = t.from_file("/etc/passwd")')],
  ['by another name of its operators', 'reject', program('t = ops.aten', 'y = t.from_file("")'), 'ops.aten'],
  ['by a name that is a text', 'reject', program('y = getattr(torch, "from_file")("/etc/passwd")')],
  ['over two lines', 'reject', program('y = ops \\', '  .aten \\', '  .from_file("/etc/passwd")')],
  ['of a library that PyTorch does not have', 'warn', program('y = ops.image.read_file("a.png")')],
])
