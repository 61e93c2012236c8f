"""From numbers to pages: charts, galleries, the report and the model card."""
