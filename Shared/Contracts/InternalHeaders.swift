/// Header fields between the services of one installation. The gateway removes them from what comes in from outside.
public enum InternalHeader {
  /// On whose behalf the call is made, signed. The only source of identity; see `Assertion`.
  public static let assertion = "x-cadre-assertion"
  /// The id that a new run shall have: a submission that is sent again makes the same run.
  public static let newRun = "x-cadre-new-run"
  /// In an answer: the replica does not serve at the moment; nothing was done, another one may be asked.
  public static let notServing = "x-cadre-not-serving"
  /// All fields of this kind start so.
  public static let prefix = "x-cadre-"
  /// In an answer of the llm-router: the price of the call in millionths of a US dollar; absent when the price is
  /// unknown.
  public static let costMicroUSD = "x-cadre-cost-microusd"
  /// In an answer of the llm-router: the model that answered.
  public static let model = "x-cadre-model"
  /// In an answer of the llm-router: the provider that answered.
  public static let provider = "x-cadre-provider"
  /// A label that a caller gives its model call: the project. Labels give no rights.
  public static let project = "x-cadre-project"
  /// The group of projects or people.
  public static let group = "x-cadre-group"
  /// The agent, by name.
  public static let agent = "x-cadre-agent"
  /// The tool, by name.
  public static let tool = "x-cadre-tool"
  /// What an answer by tier has to be like, else a larger tier is asked: `non_empty` or `json`.
  public static let check = "x-cadre-check"
  /// How hard the caller says its work is: `low`, `medium` or `high`.
  public static let complexity = "x-cadre-complexity"
  /// Why the model was chosen.
  public static let route = "x-cadre-route"
  /// `hit`, `miss`, `shared` or `off`.
  public static let cache = "x-cadre-cache"
  /// Attempts that a call of a model took.
  public static let attempts = "x-cadre-attempts"
  /// The id of a call in the ledger.
  public static let call = "x-cadre-call"
  /// Members of a request that the model's dialect has no place for.
  public static let dropped = "x-cadre-dropped"
  /// `1` when the tools of a request are an offer: a model that cannot use any is called without them.
  public static let optionalTools = "x-cadre-optional-tools"
  /// The bound of the answer, when a budget has lowered it.
  public static let maxTokens = "x-cadre-max-tokens"
}
