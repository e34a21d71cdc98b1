import type { Action } from '@shared/domain/actions'

type ActionTree<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? { [Key in Head]: Record<Tail, string> }
  : never
type Merge<Union> = (Union extends unknown ? (value: Union) => void : never) extends (
  value: infer All,
) => void
  ? All
  : never
/** Words for every action of the policies; one that is missing does not compile. */
export type ActionTexts = { [Group in keyof Merge<ActionTree<Action>>]: Merge<ActionTree<Action>>[Group] }

/** What a principal may or may not do, to follow `may`. */
export const actionsEn = {
  device: { read: 'see devices', manage: 'declare and remove devices' },
  lease: { request: 'request resources', read: 'see leases', release: 'release leases' },
  quota: { manage: 'set quotas' },
  model: {
    list: 'list models',
    read: 'read about models',
    run: 'run',
    import: 'import models',
    import_path: 'import from any path of this machine',
    manage: 'change models and aliases',
  },
  import: { cancel: 'cancel imports', confirm: 'accept imports with warnings' },
  dataset: { list: 'list data sets', read: 'read data sets', manage: 'change data sets' },
  storage: { maintain: 'check and clean the storage' },
  job: {
    list: 'list jobs',
    submit: 'submit jobs without a model',
    read: 'read jobs and their results',
    control: 'control jobs',
  },
  runtime: { read: 'see runtimes', manage: 'unload engines' },
  plugin: { manage: 'allow runtimes of third parties' },
  password: { change: 'set their own password' },
  principal: { read: 'see apps and people', manage: 'manage apps, people and keys' },
  policy: { read: 'read policies', manage: 'change policies' },
  audit: { read: 'read the activity' },
  endpoint: { read: 'see endpoints', manage: 'switch endpoints' },
  settings: { read: 'read settings', manage: 'change settings' },
} satisfies ActionTexts

export const actionsZh: {
  [Group in keyof typeof actionsEn]: Record<keyof (typeof actionsEn)[Group], string>
} = {
  device: { read: '查看设备', manage: '声明和移除设备' },
  lease: { request: '申请资源', read: '查看租约', release: '释放租约' },
  quota: { manage: '设置配额' },
  model: {
    list: '列出模型',
    read: '读取模型信息',
    run: '运行',
    import: '导入模型',
    import_path: '从本机任意路径导入',
    manage: '修改模型和别名',
  },
  import: { cancel: '取消导入', confirm: '接受有警告的导入' },
  dataset: { list: '列出数据集', read: '读取数据集', manage: '修改数据集' },
  storage: { maintain: '校验和清理存储' },
  job: { list: '列出任务', submit: '提交不使用模型的任务', read: '读取任务及结果', control: '控制任务' },
  runtime: { read: '查看运行时', manage: '卸载引擎' },
  plugin: { manage: '允许第三方运行时' },
  password: { change: '设置自己的密码' },
  principal: { read: '查看应用与用户', manage: '管理应用、用户和密钥' },
  policy: { read: '读取策略', manage: '修改策略' },
  audit: { read: '查看活动记录' },
  endpoint: { read: '查看端点', manage: '开关端点' },
  settings: { read: '读取设置', manage: '修改设置' },
}
