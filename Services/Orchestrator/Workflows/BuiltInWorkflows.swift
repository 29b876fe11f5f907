public import Decider
internal import JSON

/// The workflows that every installation has. They are documents like those of users.
public enum BuiltInWorkflows {
  /// By name.
  public static let all: [String: Workflow] = Dictionary(
    documents.compactMap { text in
      guard let document = try? JSONDocument(parsing: text),
        let workflow = try? WorkflowDocument.read(document.root, version: 1)
      else { return nil }
      return (workflow.name, workflow)
    }, uniquingKeysWith: { first, _ in first })

  /// The documents themselves, in the order in which they are shown.
  public static let documents = [single, planExecute, mapReduce, board]

  private static let single = """
    {
      "name": "single",
      "description": "One agent answers the task.",
      "steps": [{"key": "answer"}]
    }
    """

  private static let planExecute = """
    {
      "name": "plan-execute",
      "description": "A planner divides the task into steps, agents do them side by side, and one answer is made of theirs.",
      "steps": [
        {
          "key": "plan",
          "agent": "planner",
          "plans": {"steps_max": 20},
          "input": {
            "system": "You divide a task into few independent steps; agents do them without seeing the task, so each prompt says all that is needed. Answer with JSON only: {\\"steps\\": [{\\"key\\": \\"short-name\\", \\"prompt\\": \\"what to do\\", \\"depends_on\\": []}]}. Keys are lower-case letters, digits, - and _. A step is given what the steps in its depends_on have found.",
            "prompt": {"$ref": "input.prompt"},
            "model": {"$ref": "input.model"}
          }
        },
        {
          "key": "synthesize",
          "agent": "writer",
          "depends_on": ["plan"],
          "input": {
            "system": "You make one answer to the task out of what was found for its steps, which stands below it under their names.",
            "prompt": {"$ref": "input.prompt"},
            "context": {"$ref": "steps.plan.steps"},
            "model": {"$ref": "input.model"}
          }
        }
      ]
    }
    """

  private static let mapReduce = """
    {
      "name": "map-reduce",
      "description": "The prompt is applied to each of `items`, and one answer is made of all. `reduce_prompt` may say how.",
      "steps": [
        {
          "key": "map",
          "for_each": {"items": "input.items", "width": 5, "items_max": 1000},
          "on_failure": "continue",
          "input": {
            "prompt": "{{input.prompt}}\\n\\n{{item}}",
            "system": {"$ref": "input.system"},
            "model": {"$ref": "input.model"}
          }
        },
        {
          "key": "reduce",
          "depends_on": ["map"],
          "input": {
            "system": "You make one answer out of many, which stand below the task with their numbers.",
            "prompt": "{{input.prompt}}\\n\\n{{input.reduce_prompt}}",
            "context": {"$ref": "steps.map.output"},
            "model": {"$ref": "input.model"}
          }
        }
      ]
    }
    """

  private static let board = """
    {
      "name": "board",
      "description": "The phases of a card: plan, build, review, test.",
      "steps": [
        {
          "key": "plan",
          "agent": "planner",
          "input": {
            "system": "You write a short plan for the task.",
            "prompt": {"$ref": "input.prompt"},
            "model": {"$ref": "input.model"}
          }
        },
        {
          "key": "build",
          "agent": "builder",
          "depends_on": ["plan"],
          "input": {
            "system": "You do the task by the plan that stands below it.",
            "prompt": {"$ref": "input.prompt"},
            "context": {"plan": {"$ref": "steps.plan.output.answer"}},
            "model": {"$ref": "input.model"}
          }
        },
        {
          "key": "review",
          "agent": "reviewer",
          "depends_on": ["build"],
          "input": {
            "system": "You review the work that stands below the task. Begin with a line \\"Verdict: approved\\" or \\"Verdict: changes needed\\", then list what is wrong with it.",
            "prompt": {"$ref": "input.prompt"},
            "context": {"work": {"$ref": "steps.build.output.answer"}},
            "model": {"$ref": "input.model"}
          }
        },
        {
          "key": "test",
          "agent": "tester",
          "depends_on": ["review"],
          "input": {
            "system": "You check the work against the task and its review, mend what the review names, and give the final result.",
            "prompt": {"$ref": "input.prompt"},
            "context": {
              "work": {"$ref": "steps.build.output.answer"},
              "review": {"$ref": "steps.review.output.answer"}
            },
            "model": {"$ref": "input.model"}
          }
        }
      ]
    }
    """
}
