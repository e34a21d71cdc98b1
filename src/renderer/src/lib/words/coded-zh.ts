import type { FindingCode } from '@shared/findings'

/**
 * What a code means. `whole` says all that the system's own sentence says, where each value it names is in the details;
 * `lead` goes before that sentence, which then tells which of several things it is, unless the phrases have it.
 */
export type CodedText = { lead: string; whole?: string } | { whole: string; lead?: undefined }

/** Errors and findings in 简体中文; a code that is missing does not compile. */
export const codedZh: Record<FindingCode, CodedText> = {
  'core.impossible': {
    lead: '本机没有设备能够满足此请求',
    whole:
      '本机没有设备能够满足此请求：还缺 {{missing}}。请减少需求、放宽设备的放置要求，或声明具备这些资源的设备。',
  },
  'core.unavailable': { lead: '所需资源正被占用' },
  'core.not_found': { lead: '没有此设备、租约或配额' },
  'core.in_use': { lead: '正在使用中' },
  'core.quota_exceeded': {
    lead: '超出配额',
    whole: '{{principal}} 超出配额 {{exceeded}}。请释放租约、减少需求，或提高配额。',
  },
  'core.budget_exceeded': { lead: '预算已用完' },
  'storage.not_found': { lead: '没有找到' },
  'storage.conflict': { lead: '与当前状态冲突' },
  'storage.in_use': { lead: '此版本仍被使用' },
  'storage.unreadable': { lead: '文件无法读取' },
  'storage.unknown_format': { lead: '不是已知的格式' },
  'storage.incomplete': { lead: '内容不完整' },
  'storage.unsafe': { lead: '文件不安全' },
  'storage.disk_full': {
    lead: '磁盘空间不足，未做任何更改',
    whole: '磁盘空间不足：需要 {{neededBytes}}，可用 {{freeBytes}}。请清理后重试，未做任何更改。',
  },
  'storage.quota_exceeded': {
    lead: '超出存储配额',
    whole:
      '模型和数据集将达到 {{wouldBeBytes}}，超出允许的 {{limitBytes}}。请删除不再需要的版本，或请所有者提高配额。',
  },
  'storage.corrupt': { lead: '存储的内容已损坏' },
  'storage.hub_unreachable': {
    lead: '无法连接模型仓库',
    whole: '无法连接 {{hubUrl}}。已下载的部分会保留，请重试。',
  },
  'compute.not_found': { lead: '没有此任务、流水线或引擎' },
  'compute.conflict': { lead: '当前状态不允许此操作' },
  'compute.invalid_input': { lead: '输入不符合要求' },
  'compute.no_runtime': { lead: '此处没有能运行它的运行时' },
  'compute.worker_crashed': { lead: '工作进程意外结束' },
  'compute.runtime_failed': { lead: '运行时或模型报告错误' },
  'compute.timeout': { lead: '超过时限，已停止' },
  'compute.dependency_failed': {
    lead: '它依赖的任务没有成功',
    whole: '它依赖的任务 {{dependency}} 没有给出所需的结果。请先重试该任务，再重新提交此任务。',
  },
  'compute.skipped': {
    lead: '运行条件未满足，已跳过',
    whole: '运行条件未满足（取决于 {{dependency}}），已跳过。',
  },
  'compute.deadline_missed': { whole: '截止时间已过而任务尚未结束。请以更晚的截止时间重新提交。' },
  'compute.exceeded_lease': {
    lead: '内存超出租约，已停止',
    whole: '使用了 {{usedBytes}}，超出租用的 {{leasedBytes}}，已停止。请提高 {{need}} 后重新提交。',
  },
  'compute.interrupted': {
    lead: '工作被中断',
    whole:
      '此任务运行期间 LLMAgentOS 已结束 {{interruptions}} 次，因此不再尝试。请查看它对本机的影响，然后重试该任务。',
  },
  'compute.not_finished': { lead: '任务尚未结束' },
  'security.unauthenticated': { whole: '未登录，或密钥无效、已过期、已吊销。请重新登录或使用有效的密钥。' },
  'security.denied': {
    lead: '没有权限',
    whole: '没有权限对 {{resource}} 执行 {{action}}。管理策略的人可以更改。',
  },
  'security.not_found': { lead: '没有此用户、应用、密钥或策略' },
  'security.conflict': { lead: '与访问控制的规则冲突' },
  'security.invalid_policy': { lead: '策略无效' },
  'security.wrong_password': { whole: '名称或密码不正确。' },
  'network.forbidden_origin': { lead: '来源不被允许' },
  'network.rate_limited': { lead: '请求过多' },
  'network.too_large': { lead: '内容过大' },
  'network.not_found': { lead: '没有此地址，或已关闭' },
  'network.port_in_use': {
    lead: '端口被占用',
    whole: '端口 {{port}} 已被其他程序占用。请在设置中换一个，或填 0 使用任意端口。',
  },
  'system.invalid': { lead: '填写的内容无效' },
  'system.newer_data': {
    whole: '此数据文件夹由更新版本的 LLMAgentOS 写入。请安装该版本，或选择其他数据文件夹。',
  },
  'system.already_running': { whole: 'LLMAgentOS 已在使用此数据文件夹。请使用它，或选择其他文件夹。' },
  'system.stopping': { lead: 'LLMAgentOS 正在停止' },
  internal: { whole: 'LLMAgentOS 内部出现问题，详情见日志。' },

  'storage.custom_layers': { lead: '含有自定义层' },
  'storage.custom_operators': { lead: '含有此处可能无法运行的算子' },
  'storage.left_out': { lead: '有文件未导入' },
  'storage.more_findings': { lead: '还有更多发现' },
  'storage.no_graph': { lead: '只有权重，没有计算图' },
  'storage.no_runtime': { lead: '此格式在此处无法直接运行' },
  'storage.no_signature': { lead: '没有说明输入和输出' },
  'storage.no_tensors': { lead: '无法列出权重，因此参数数量和精度未知' },
  'storage.open_shape': { lead: '输入的形状或类型未完全说明' },
  'storage.partly_searched': { lead: '未能完整检查' },
  'storage.pickle': {
    whole:
      '这是 Python pickle，只含普通数据和 NumPy 数组，没有危害；但它不是能在此运行的模型：pickle 只保存，从不打开。',
  },
  'storage.reads_assets': { whole: '加载时会从 assets 文件夹读取词表。' },
  'storage.unsupported_type': { lead: '含有不支持的类型' },
  'plugin.entry': { lead: '缺少入口文件' },
  'plugin.id': { lead: '标识与文件夹名不一致' },
  'plugin.manifest': { lead: 'runtime.json 无效' },
  'plugin.no_sandbox': { lead: '此处没有沙箱' },
  'plugin.reads': { lead: '要求读取其他位置' },
  'plugin.taken': { lead: '标识或格式不可使用' },
  'plugin.too_large': { lead: '文件过大或过多' },
  'plugin.unreadable': { lead: '文件无法读取' },
  'plugin.unsafe': { lead: '文件不安全' },
}
