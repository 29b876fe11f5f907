/// The calculator as others see it.
public enum CalculatorTool {
  /// The value of an arithmetic expression, or what is wrong with it.
  public static func evaluate(_ expression: String) -> Result<String, ComputeError> {
    Calculator.evaluate(expression).mapError { ComputeError($0.message) }
  }
}
