/**
 * Sentences of the system in 简体中文: why something of a runtime does not work here, what the audit log says, and what of
 * errors and findings is often seen. The more special before the more general; `{{=name}}` is translated in its turn. A test holds the English to what the system says.
 */
export const phrasesZh = {
  'Windows has not told yet what programs take: no job has run for long.':
    'Windows 尚未报告各程序占用的内存：还没有任务运行较长时间。',
  'Nothing has told yet what programs take of a GPU.': '尚未得知各程序占用的显存。',
  'Cores are bound on Linux only.': '仅在 Linux 上可绑定核心。',
  'taskset is not installed; the package util-linux has it.': '未安装 taskset，它在 util-linux 软件包中。',
  'taskset does not work here.': 'taskset 在此处无法工作。',
  'It could not be taken back for the next job: that needs root, CAP_SYS_NICE, or a nice limit of 20.':
    '无法为下一个任务恢复优先级：这需要 root、CAP_SYS_NICE 或 nice 上限 20。',
  'Control groups are a part of Linux.': '控制组仅在 Linux 上可用。',
  'Control groups of version 2 are not mounted here.': '此处没有挂载第 2 版控制组。',
  'No group can be made here: {{why}}. Start LLMAgentOS where groups are delegated, for example by systemd-run --user --scope -p Delegate=yes.':
    '此处无法创建控制组：{{=why}}。请在已委派控制组的环境中启动 LLMAgentOS，例如 systemd-run --user --scope -p Delegate=yes。',
  'No group can be made here: {{why}}. It has limits of its own, which workers beside it would not keep: set them for its slice instead.':
    '此处无法创建控制组：{{=why}}。本程序所在的组自身有限制，而旁边的工作进程不受其约束：请改为在其 slice 上设置。',
  'they may not be written': '没有写入权限',
  'our own group has other processes in it': '本程序所在的组中有其他进程',
  'the controllers of CPU and memory are not to be had': '无法使用 CPU 和内存控制器',

  'Too many calls are open. Wait for some of their answers.': '同时进行的调用过多，请等待其中一些完成。',
  'Too many live views are open. Close some of them.': '打开的实时视图过多，请关闭一些。',
  'Too many large calls are on their way. Send them one after the other.':
    '同时发送的大型请求过多，请逐个发送。',
  'Too many large calls are worked on. Wait for some of their answers.':
    '正在处理的大型请求过多，请等待其中一些完成。',
  'Many answers are not read. Read them before you call again.': '有许多应答尚未读取，请先读取再发起请求。',
  'Too many uploads and downloads are open. Let some end.': '打开的上传和下载过多，请等待其中一些结束。',
  '{{count}} imports of {{by}} are on their way already. Let some of them end first.':
    '{{by}} 已有 {{count}} 个导入正在进行，请先等待其中一些结束。',
  '{{count}} imports of {{by}} wait to be confirmed. Confirm or cancel some of them first.':
    '{{by}} 已有 {{count}} 个导入等待确认，请先确认或取消其中一些。',
  'Too many wrong passwords. Try again in {{seconds}} s.': '密码错误次数过多，请在 {{seconds}} 秒后重试。',
  'Too many calls with a wrong key. Wait a minute and check the key.':
    '使用错误密钥的调用过多，请等待一分钟并检查密钥。',
  'Too many passwords are being checked. Try again in a second.': '正在检查的密码过多，请在 1 秒后重试。',
  'Too many such questions are being answered. Try again in a second.':
    '正在回答的此类问题过多，请在 1 秒后重试。',

  'Jobs cannot be run: what runs them did not start. The log has the details.':
    '无法运行任务：运行任务的部分没有启动，详情见日志。',
  'Port {{port}} is taken by another program, so the API listens on {{url}}.':
    '端口 {{port}} 已被其他程序占用，因此 API 在 {{url}} 上监听。',
  'The stored policy {{id}} is not valid: {{why}}. {{effect}} until it is set again or removed.':
    '已保存的策略 {{id}} 无效：{{=why}}。在重新设置或移除它之前，{{=effect}}。',
  'It permits nothing': '它不允许任何操作',
  'It may forbid something, so only owners may do anything': '它可能禁止某些操作，因此只有所有者可以进行操作',
  'it could not be checked': '无法检查',

  'It has not been tried yet.': '尚未试过。',
  'No Python was found. Install Python with PyTorch, or set its path in the settings.':
    '未找到 Python。请安装带 PyTorch 的 Python，或在设置中指定其路径。',
  'No Python was found. Install one, or set its path in the settings.':
    '未找到 Python。请安装，或在设置中指定其路径。',
  'It runs without a sandbox: {{why}}': '未在沙箱中运行：{{=why}}',
  'It runs in a sandbox only: {{why}}': '只能在沙箱中运行：{{=why}}',
  'bubblewrap is a program of Linux.': 'bubblewrap 仅在 Linux 上可用。',
  'bubblewrap is not installed.': '未安装 bubblewrap。',
  'bubblewrap does not work here.': 'bubblewrap 在此处无法工作。',
  'bubblewrap does not work here: {{why}}': 'bubblewrap 在此处无法工作：{{=why}}',
  'The native library (@tensorflow/tfjs-node) does not load, so WebAssembly is used: {{why}}':
    '原生库（@tensorflow/tfjs-node）无法加载，因此使用 WebAssembly：{{=why}}',
  'node-llama-cpp does not load: {{why}}': 'node-llama-cpp 无法加载：{{=why}}',
  '{{library}} offers {{name}} {{where}} only.': '{{library}} 仅{{=where}}提供 {{name}}。',
  'on Linux and Windows with x64 processors': '在 x64 处理器的 Linux 和 Windows 上',
  'on Windows': '在 Windows 上',
  'on macOS': '在 macOS 上',
  "on macOS with Apple's processors": '在 Apple 处理器的 macOS 上',
  'in builds for it (https://pytorch.org/get-started/locally) on Linux and Windows':
    '以相应的版本（https://pytorch.org/get-started/locally）在 Linux 和 Windows 上',
  'in builds for it (https://pytorch.org/get-started/locally) on Linux':
    '以相应的版本（https://pytorch.org/get-started/locally）在 Linux 上',
  'on Windows, Linux and macOS': '在 Windows、Linux 和 macOS 上',
  '{{help}} It says: {{why}}': '{{=help}}它报告：{{=why}}',
  'It needs an NVIDIA GPU with CUDA 12 and cuDNN 9, and the files that ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false brings.':
    '需要带 CUDA 12 和 cuDNN 9 的 NVIDIA GPU，以及由 ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false 安装的文件。',
  'It needs an NVIDIA GPU with CUDA 12 or 13, and the files that npm run llama:gpu -- cuda brings.':
    '需要带 CUDA 12 或 13 的 NVIDIA GPU，以及由 npm run llama:gpu -- cuda 安装的文件。',
  'It needs a GPU with a driver for Vulkan, and the files that npm run llama:gpu -- vulkan brings.':
    '需要驱动支持 Vulkan 的 GPU，以及由 npm run llama:gpu -- vulkan 安装的文件。',
  'It needs an NVIDIA GPU and a driver that is as new as its CUDA.':
    '需要 NVIDIA GPU，且驱动不早于其 CUDA 版本。',
  'It needs an AMD GPU with a driver for ROCm.': '需要带 ROCm 驱动的 AMD GPU。',
  "It needs macOS 14 or newer on one of Apple's processors.": '需要 Apple 处理器和 macOS 14 或更新版本。',
  "It needs Apple's GPU.": '需要 Apple 的 GPU。',
  '{{package}} is not installed.': '未安装 {{package}}。',
  'It needs a GPU with a driver for DirectX 12.': '需要驱动支持 DirectX 12 的 GPU。',
  'It needs macOS 13 or newer.': '需要 macOS 13 或更新版本。',
  'It needs a GPU with a driver for Vulkan, Metal or DirectX 12.':
    '需要驱动支持 Vulkan、Metal 或 DirectX 12 的 GPU。',

  '{{what}} (and {{count}} more within a minute)': '{{=what}}（一分钟内另有 {{count}} 次）',
  'pointed the alias {{alias}} of {{model}} to version {{version}}':
    '将 {{model}} 的别名 {{alias}} 指向版本 {{version}}',
  'removed the alias {{alias}} of {{model}}': '移除了 {{model}} 的别名 {{alias}}',
  'deleted version {{version}} of {{model}}': '删除了 {{model}} 的版本 {{version}}',
  'sent {{share}} of the alias {{alias}} of {{model}} to version {{version}}':
    '将 {{model}} 的别名 {{alias}} 的 {{share}} 分给版本 {{version}}',
  'stopped the canary of the alias {{alias}} of {{model}}': '停止了 {{model}} 的别名 {{alias}} 的灰度',
  'promoted the canary of the alias {{alias}} of {{model}}': '将 {{model}} 的别名 {{alias}} 转为灰度版本',
  'rolled back the alias {{alias}} of {{model}}': '回滚了 {{model}} 的别名 {{alias}}',
  'confirmed the import of {{source}} ({{id}}) as {{name}} in spite of {{warnings}}':
    '确认导入 {{source}}（{{id}}）为 {{name}}，尽管有 {{warnings}}',
  'confirmed the import of {{source}} ({{id}}) as {{name}}': '确认导入 {{source}}（{{id}}）为 {{name}}',
  'cancelled the import of {{source}} ({{id}})': '取消了 {{source}}（{{id}}）的导入',
  'imported {{repository}} from the Hub': '从 Hub 导入了 {{repository}}',
  'imported the sample {{sample}}': '导入了示例 {{sample}}',
  'imported {{path}}': '导入了 {{path}}',
  'submitted a job ({{kind}}) for {{model}}': '提交了 {{model}} 的任务（{{=kind}}）',
  'submitted a {{kind}} job': '提交了任务（{{=kind}}）',
  'declared by {{name}}': '由 {{name}} 声明',
  infer: '单次运行',
  batch: '批量',
  benchmark: '基准测试',
  generate: '文本生成',
  synthetic: '模拟负载',
  'submitted the pipeline {{name}} of {{count}} jobs': '提交了含 {{count}} 个任务的流水线 {{name}}',
  'asked to cancel the pipeline {{id}}': '取消流水线 {{id}}',
  'asked to retry the pipeline {{id}}': '重试流水线 {{id}}',
  'kept the results of {{id}} as the data set {{name}}': '将 {{id}} 的结果存为数据集 {{name}}',
  'set the priority of {{id}} to {{priority}}': '将 {{id}} 的优先级设为 {{priority}}',
  'disallowed the runtime {{id}}': '不再允许运行时 {{id}}',
  'allowed the runtime {{id}} with the files {{digest}}': '允许了运行时 {{id}}，文件 {{digest}}',
  'added the app {{name}}': '添加了应用 {{name}}',
  'added the user {{name}}': '添加了用户 {{name}}',
  'saved the policy {{id}}': '保存了策略 {{id}}',
  'removed the policy {{id}}': '移除了策略 {{id}}',
  'made a key for {{id}}': '为 {{id}} 创建了密钥',
  'revoked the key {{id}}': '吊销了密钥 {{id}}',
  'asked to set the password of {{id}}': '要求设置 {{id}} 的密码',
  'set the password of {{id}}': '设置了 {{id}} 的密码',
  'removed {{id}}': '移除了 {{id}}',
  'asked to cancel {{id}}': '取消 {{id}}',
  'asked to retry {{id}}': '重试 {{id}}',
  'asked to hold {{id}}': '暂缓 {{id}}',
  'asked to resume {{id}}': '恢复 {{id}}',
  'was allowed {{action}} on {{resource}}': '获准对 {{resource}} 执行 {{action}}',
  'was allowed {{action}}': '获准执行 {{action}}',
  'signed in with a password': '用密码登录',
  'A sign-in as {{name}} failed: wrong name or password': '以 {{name}} 登录失败：名称或密码错误',
  '{{name}} was denied {{action}} on {{resource}}: {{why}} (tried: {{tried}})':
    '{{name}} 对 {{resource}} 执行 {{action}} 被拒绝：{{=why}}（尝试：{{=tried}}）',
  '{{name}} was denied {{action}} on {{resource}}: {{why}}':
    '{{name}} 对 {{resource}} 执行 {{action}} 被拒绝：{{=why}}',
  '{{name}} was denied {{action}}: {{why}} (tried: {{tried}})':
    '{{name}} 执行 {{action}} 被拒绝：{{=why}}（尝试：{{=tried}}）',
  '{{name}} was denied {{action}}: {{why}}': '{{name}} 执行 {{action}} 被拒绝：{{=why}}',
  'no policy permits it': '没有策略允许',
  'forbidden by policy {{policy}}': '被策略 {{policy}} 禁止',
  'forbidden by policies {{policies}}': '被策略 {{policies}} 禁止',
  'this account does not exist any more': '此账户已不存在',
  'the key was revoked or has expired': '密钥已吊销或已过期',
  'there is no such action': '没有此操作',
  'the key is limited to other actions': '密钥仅限于其他操作',
  'wrong name or password': '名称或密码错误',
  'the current password was wrong': '当前密码错误',
  'with it this key could do more than it is limited to': '此密钥会因此超出其限制',

  'The attempt ran longer than its timeout of {{time}}.': '运行超过时限 {{time}}，已停止。',
  'The worker gave no sign of life for {{time}}.': '工作进程 {{time}} 没有响应，已停止。',
  'The {{name}} worker was still {{what}} after {{seconds}} s and was ended.':
    '{{name}} 工作进程在 {{seconds}} 秒后仍在{{=what}}，已被结束。',
  loading: '加载',
  starting: '启动',
  'The {{name}} worker ended unexpectedly {{how}}. The machine may have run out of memory. It last said: {{words}}':
    '{{name}} 工作进程意外结束（{{=how}}），可能是内存不足。最后的输出：{{words}}',
  'The {{name}} worker ended unexpectedly {{how}}. The machine may have run out of memory.':
    '{{name}} 工作进程意外结束（{{=how}}），可能是内存不足。',
  'The {{name}} worker ended unexpectedly {{how}}. It last said: {{words}}':
    '{{name}} 工作进程意外结束（{{=how}}）。最后的输出：{{words}}',
  'The {{name}} worker ended unexpectedly {{how}}.': '{{name}} 工作进程意外结束（{{=how}}）。',
  'by {{signal}}': '信号 {{signal}}',
  'with exit code {{code}}': '退出码 {{code}}',
  'A {{name}} worker could not be started: {{why}}': '无法启动 {{name}} 工作进程：{{why}}',
  'The {{name}} worker broke the protocol and was ended: {{why}}':
    '{{name}} 工作进程违反协议，已被结束：{{why}}',
  'The worker ended before the job began.': '工作进程在任务开始前结束。',
  'The engine was unloaded while it worked.': '引擎在工作时被卸载。',
  'The worker did not stop when it was asked to.': '工作进程没有按要求停止。',
  'The worker stopped.': '工作进程已停止。',
  'The load was cancelled.': '加载已取消。',
  'engine {{model}}': '引擎 {{model}}',
  api: '通过 API 申请',
  'The model names no outputs, so a job would have no result.': '模型没有指定输出，任务不会有结果。',
  'The model does not say what its inputs and outputs are (it has no serving signature).':
    '模型没有说明输入和输出（没有 serving 签名）。',
  'It holds no configuration that could be found, so nothing is known of its layers.':
    '没有找到配置，因此无从得知各层的结构。',
  'These are weights without a graph. To run them, name the TorchScript model whose weights they are as their architecture, or convert the whole model to ONNX.':
    '只有权重，没有计算图。若要运行，请把权重所属的 TorchScript 模型指定为其架构，或把整个模型转换为 ONNX。',
  'These are weights without a graph. To run them, name the TorchScript model whose weights they are as their architecture, or save the model with torch.jit.save or torch.onnx.export.':
    '只有权重，没有计算图。若要运行，请把权重所属的 TorchScript 模型指定为其架构，或用 torch.jit.save、torch.onnx.export 保存模型。',
  'These are weights without the layers they belong to, as model.save_weights writes them. Save the whole model with model.save to keep both.':
    '只有权重，没有所属的层（由 model.save_weights 写出）。请用 model.save 保存整个模型，以同时保留两者。',
  "This is a checkpoint with NumPy values beside its weights, which PyTorch's safe loader does not read. To run the weights, save them alone: torch.save(model.state_dict(), FILE).":
    '这是检查点，权重之外还有 NumPy 数据，PyTorch 的安全加载器不读取。若要运行权重，请单独保存：torch.save(model.state_dict(), FILE)。',
  'It is too large to be searched whole for code that runs when it is loaded. Load it only where that does no harm.':
    '文件过大，无法完整检查加载时会执行的代码。请只在无害的环境中加载。',
  'Its weights could not be looked into ({{why}}), and may hold more than weights. Load it only where that does no harm.':
    '无法查看其权重（{{=why}}），其中可能不只有权重。请只在无害的环境中加载。',
  'they are in the format of NumPy': '采用 NumPy 格式',
  'they are compressed': '已压缩',
  'It holds a part that was compiled for one accelerator (EPContext): nobody can look into it, and it runs nowhere else.':
    '其中有为某一种加速器编译的部分（EPContext）：无法查看，也不能在别处运行。',
  'It was written for big-endian machines, which this one is not. Convert it: {{command}}, of llama.cpp.':
    '它是为大端序机器写的，本机不是。请转换：llama.cpp 的 {{command}}。',
  'It is of version 1 of the format, which llama.cpp does not read any more. Convert the model again with a newer llama.cpp.':
    '它采用第 1 版格式，llama.cpp 已不再读取。请用较新的 llama.cpp 重新转换模型。',
  'Its program does not say which tensors it takes.': '模型的程序没有说明接收哪些张量。',
  'The input {{name}} does not say how many dimensions it has.': '输入 {{name}} 没有说明维数。',
  'The model uses operators of {{domain}} (such as {{operator}}) that are not part of ONNX Runtime; it will probably not run here.':
    '模型使用了 ONNX Runtime 没有的 {{domain}} 算子（例如 {{operator}}），很可能无法在此运行。',
  'TensorFlow Lite models do not run here yet. Convert it: {{command}}.':
    'TensorFlow Lite 模型尚不能在此运行。请转换：{{command}}。',
  'A SavedModel runs here when the native library of @tensorflow/tfjs-node loads; else convert it: {{command}}.':
    '@tensorflow/tfjs-node 的原生库可加载时，SavedModel 能在此运行；否则请转换：{{command}}。',
  'Keras models do not run here yet. Convert it: {{first}}, or {{second}}.':
    'Keras 模型尚不能在此运行。请转换：{{first}}，或 {{second}}。',
  '{{path}} was left out: the model does not name it.': '{{path}} 未导入：模型没有引用它。',
  '{{path}} was left out: it is no part of the data.': '{{path}} 未导入：它不是数据的一部分。',
  '{{count}} more files were left out.': '另有 {{count}} 个文件未导入。',
  '{{count}} more findings of this kind were left out.': '另有 {{count}} 条同类发现未列出。',
  'This is {{what}}. LLMAgentOS imports models ({{models}}) and data sets ({{datasets}}).':
    '这是{{=what}}。LLMAgentOS 可导入模型（{{models}}）和数据集（{{datasets}}）。',
  'no model that LLMAgentOS knows': '无法识别的文件',
  'an empty ZIP archive': '空的 ZIP 压缩包',
  'a 7-Zip archive': ' 7-Zip 压缩包',
  'a RAR archive': ' RAR 压缩包',
  'a bzip2 archive': ' bzip2 压缩包',
  'an xz archive': ' xz 压缩包',
  'a Zstandard archive': ' Zstandard 压缩包',
  'an LZ4 archive': ' LZ4 压缩包',
  'a PNG image': ' PNG 图片',
  'a JPEG image': ' JPEG 图片',
  'a GIF image': ' GIF 图片',
  'a PDF document': ' PDF 文档',
  'a program': '程序',
  'a NumPy array': ' NumPy 数组',
  'an ORT-format model': ' ORT 格式的模型',
  'The file begins as {{format}} but is damaged or cut short. Export or download it again.':
    '文件以 {{format}} 开头，但已损坏或不完整。请重新导出或下载。',
  'The file is damaged JSON, perhaps cut short. Export or download the model again.':
    '文件是损坏的 JSON，可能不完整。请重新导出或下载模型。',
}
